/** A station in the cluster: its files, its process, its identity, what it costs. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { flowConfigMap, flowFolder, flowMounts } from './config-map.ts';
import { secretEnv, secretMounts, serversEnv } from './connection.ts';
import { deployment } from './deployment.ts';
import { disruptionBudget } from './disruption-budget.ts';
import { dataFoldersOf, filesOfStation } from './flow-files.ts';
import { stationPart } from './flow-parts.ts';
import type { RenderOptions } from './options.ts';
import { connectionsOf, listensOf, variablesOf } from './outside.ts';
import type { Mount } from './pod.ts';
import { STATION_PORT, stationProbes } from './probes.ts';
import { type Resource, resourceName } from './resource.ts';
import { callsService, metricsService } from './service.ts';
import { serviceAccount } from './service-account.ts';

/** The image bounds the heap; rounds, DuckDB and buffers come on top of it. */
const RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } };

/** The claim that holds the files of a flow's sources, laid out as in the flow's folder. */
export const dataClaimName = (flow: string): string => resourceName(flow, 'data');

/** @throws Fault K8S_UNFIT */
export async function stationResources(flow: Flow, station: StationSpec, options: RenderOptions): Promise<Resource[]> {
  const part = stationPart(flow, station);
  const name = resourceName(flow.name, station.name);
  const variables = variablesOf(station);
  const called = listensOf(station);
  const resources: Resource[] = [];
  const mounts = secretMounts(flow.name, station.name, variables);
  if (!options.flowInImage) {
    const files = await filesOfStation(flow, station);
    const configMap = flowConfigMap(part, files);
    resources.push(configMap);
    mounts.push(...flowMounts(flow.name, configMap, files), ...dataMounts(flow, station));
  }
  const pod = {
    image: `quadrille/${part.service}`,
    env: [
      { name: 'QUADRILLE_FLOW', value: flowFolder(flow.name) },
      { name: 'QUADRILLE_STATION', value: station.name },
      { name: 'QUADRILLE_INSTANCE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'QUADRILLE_HTTP', value: `0.0.0.0:${STATION_PORT}` },
      ...(called === undefined ? [] : [{ name: called.variable, value: `0.0.0.0:${called.port}` }]),
      ...serversEnv(flow.name),
      ...secretEnv(variables),
    ],
    mounts,
    ports: [
      { name: 'metrics', containerPort: STATION_PORT },
      ...(called === undefined ? [] : [{ name: 'calls', containerPort: called.port }]),
    ],
    probes: stationProbes(),
    resources: RESOURCES,
    serviceAccount: name,
  };
  return [
    serviceAccount(part),
    ...resources,
    // A rollout must not open more connections than were promised.
    deployment(part, connectionsOf(station) > 0 ? 'replace' : 'surge', pod),
    metricsService(part),
    ...(called === undefined ? [] : [callsService(part, called.port)]),
    disruptionBudget(part),
  ];
}

const dataMounts = (flow: Flow, station: StationSpec): Mount[] =>
  dataFoldersOf(station).map((folder) => ({
    volume: { name: 'data', persistentVolumeClaim: { claimName: dataClaimName(flow.name), readOnly: true } },
    mountPath: `${flowFolder(flow.name)}/${folder}`,
    subPath: folder,
  }));

/** undefined: no source of the flow reads files. */
export function dataClaim(flow: Flow, { flowInImage }: RenderOptions): Resource | undefined {
  if (flowInImage || ![...flow.stations.values()].some((station) => dataFoldersOf(station).length > 0))
    return undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: dataClaimName(flow.name),
      labels: { 'app.kubernetes.io/part-of': 'quadrille', 'app.kubernetes.io/instance': flow.name },
    },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
}
