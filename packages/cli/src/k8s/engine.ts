/** What belongs to no station: the replay service, and the Job that makes topics and registers schemas. */
import type { Flow } from '@quadrille/flow';
import { flowConfigMap, flowFolder, flowMounts } from './config-map.ts';
import { secretEnv, secretMounts, serversEnv, TOKENS_FOLDER, tokensSecret } from './connection.ts';
import { deployment } from './deployment.ts';
import { disruptionBudget } from './disruption-budget.ts';
import { filesOfFlow } from './flow-files.ts';
import { provisionPart, REPLAY_VARIABLES, replayPart } from './flow-parts.ts';
import { provisioningJob } from './job.ts';
import type { RenderOptions } from './options.ts';
import type { Mount } from './pod.ts';
import { REPLAY_PORT, replayProbes } from './probes.ts';
import { type Part, type Resource, resourceName } from './resource.ts';
import { apiService } from './service.ts';
import { serviceAccount } from './service-account.ts';

const REPLAY_RESOURCES = { requests: { cpu: '100m', memory: '320Mi' }, limits: { cpu: '1', memory: '640Mi' } };
const JOB_RESOURCES = { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '384Mi' } };

/** Both need the flow as a whole: a ConfigMap of its own, so that each is rolled out by itself. */
async function wholeFlow(flow: Flow, part: Part, { flowInImage }: RenderOptions) {
  if (flowInImage) return { configMaps: [], mounts: [] };
  const files = await filesOfFlow(flow);
  const configMap = flowConfigMap(part, files);
  return { configMaps: [configMap], mounts: flowMounts(flow.name, configMap, files) };
}

export async function replayResources(flow: Flow, options: RenderOptions): Promise<Resource[]> {
  const part = replayPart(flow);
  const { configMaps, mounts } = await wholeFlow(flow, part, options);
  const tokens: Mount = {
    volume: { name: 'tokens', secret: { secretName: tokensSecret(flow.name), defaultMode: 0o440 } },
    mountPath: TOKENS_FOLDER,
  };
  const pod = {
    image: 'quadrille/replay',
    env: [
      { name: 'QUADRILLE_FLOWS', value: flowFolder(flow.name) },
      { name: 'QUADRILLE_INSTANCE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'QUADRILLE_HTTP', value: `0.0.0.0:${REPLAY_PORT}` },
      { name: 'QUADRILLE_TOKENS_FILE', value: `${TOKENS_FOLDER}/tokens.json` },
      { name: 'QUADRILLE_REPLAY_SCHEMA', value: replaySchema(flow.name) },
      ...serversEnv(flow.name),
      ...secretEnv(REPLAY_VARIABLES),
    ],
    mounts: [...mounts, tokens, ...secretMounts(flow.name, part.component, REPLAY_VARIABLES)],
    ports: [{ name: 'http', containerPort: REPLAY_PORT }],
    probes: replayProbes(),
    resources: REPLAY_RESOURCES,
    serviceAccount: resourceName(flow.name, part.component),
  };
  return [
    serviceAccount(part),
    ...configMaps,
    deployment(part, 'surge', pod),
    apiService(part),
    disruptionBudget(part),
  ];
}

/** Flows on one database stay apart. PostgreSQL cuts names after 63 bytes. */
const replaySchema = (flow: string): string => `quadrille_replay_${flow.replaceAll('-', '_')}`.slice(0, 63);

export async function provisionResources(flow: Flow, options: RenderOptions): Promise<Resource[]> {
  const part = provisionPart(flow);
  const { configMaps, mounts } = await wholeFlow(flow, part, options);
  const job = provisioningJob(part, options.version, {
    image: 'quadrille/cli',
    args: ['flow', 'provision', flowFolder(flow.name), '--execute'],
    env: serversEnv(flow.name),
    mounts,
    resources: JOB_RESOURCES,
    serviceAccount: resourceName(flow.name, part.component),
  });
  return [serviceAccount(part), ...configMaps, job];
}
