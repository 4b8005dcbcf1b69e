/** What the Prometheus operator scrapes and evaluates. @see https://prometheus-operator.dev/docs/api-reference/api/ */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Flow } from '@quadrille/flow';
import { parse } from 'yaml';
import { provisionPart, replayPart } from './flow-parts.ts';
import type { Folder } from './kustomization.ts';
import { flowLabels, partLabels, type Resource, resourceName } from './resource.ts';

const RULES = fileURLToPath(new URL('../../../../observability/prometheus', import.meta.url));

/** A token of role `view`, under the key `token`: the replay service tells its figures to nobody else. */
export const metricsTokenSecret = (flow: string): string => resourceName(flow, 'replay-metrics');

export function monitoring(flow: Flow): Folder {
  const rules = prometheusRules(flow.name);
  const files = {
    'pod-monitors.yaml': podMonitors(flow),
    ...(rules.length === 0 ? {} : { 'rules.yaml': rules }),
  };
  return { kustomization: { kind: 'Component', resources: Object.keys(files) }, files };
}

function podMonitors(flow: Flow): Resource[] {
  const replay = replayPart(flow);
  const monitor = (name: string, selector: object, endpoint: object): Resource => ({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: { name: resourceName(flow.name, name), labels: flowLabels(flow.name) },
    spec: { selector, podMetricsEndpoints: [{ path: '/metrics', interval: '15s', ...endpoint }] },
  });
  const stations = {
    matchLabels: flowLabels(flow.name),
    matchExpressions: [
      {
        key: 'app.kubernetes.io/component',
        operator: 'NotIn',
        values: [replay.component, provisionPart(flow).component],
      },
    ],
  };
  const token = { type: 'Bearer', credentials: { name: metricsTokenSecret(flow.name), key: 'token' } };
  return [
    monitor('stations', stations, { port: 'metrics' }),
    monitor('replay', { matchLabels: partLabels(replay) }, { port: 'http', authorization: token }),
  ];
}

/** The project's own rules, those that its tests hold: a resource a file. None where the project's files are not there. */
const prometheusRules = (flow: string): Resource[] =>
  globSync('*.rules.yml', { cwd: RULES })
    .sort()
    .map((file) => ({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: resourceName(flow, basename(file, '.rules.yml')), labels: flowLabels(flow) },
      spec: parse(readFileSync(join(RULES, file), 'utf8')) as object,
    }));
