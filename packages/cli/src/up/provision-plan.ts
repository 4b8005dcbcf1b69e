/** What making servers ready for a flow would change. */
import type { Flow } from '@quadrille/flow';
import { topicsOfFlow } from '@quadrille/station';
import { planPush } from '../schemas/push-plan.ts';
import type { Servers } from '../servers.ts';
import { schemasOf } from './schemas.ts';

export interface ProvisionStep {
  kind: 'topic' | 'schema';
  /** Of the topic, or of the subject. */
  name: string;
  /** `present` is left as it is; `changed`: another version of a schema that is there. */
  state: 'absent' | 'present' | 'changed';
  partitions?: number;
  /** A topic's settings beside the broker's. */
  config?: Record<string, string>;
}

/** Topics, then subjects. @throws Faults SCHEMA_INVALID; Fault REGISTRY_UNAVAILABLE */
export async function planProvision({ admin, registry }: Servers, flow: Flow): Promise<ProvisionStep[]> {
  const wanted = topicsOfFlow(flow);
  const there = await admin.partitions(wanted.map(({ topic }) => topic));
  const steps: ProvisionStep[] = wanted.map(({ topic, partitions, config }) => ({
    kind: 'topic',
    name: topic,
    state: there.has(topic) ? 'present' : 'absent',
    partitions: there.get(topic) ?? partitions,
    ...(config === undefined ? {} : { config }),
  }));
  const schemas = [...(await schemasOf(flow)).values()].filter(({ topic }) => !flow.topics.get(topic)?.external);
  const subjects = schemas.map(({ topic, text }) => ({ subject: `${topic}-value`, text }));
  for (const { subject, state } of await planPush(registry, subjects))
    steps.push({ kind: 'schema', name: subject, state });
  return steps;
}
