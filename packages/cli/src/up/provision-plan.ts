/** What making servers ready for a flow would change. */
import type { Flow } from '@quadrille/flow';
import { topicsOfFlow } from '@quadrille/station';
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
  for (const [topic, { text }] of await schemasOf(flow)) {
    if (flow.topics.get(topic)?.external) continue;
    const subject = `${topic}-value`;
    const versions = await registry.versions(subject);
    const same = JSON.stringify(JSON.parse(text));
    const isThere = versions.some(({ schema }) => JSON.stringify(JSON.parse(schema)) === same);
    steps.push({
      kind: 'schema',
      name: subject,
      state: isThere ? 'present' : versions.length === 0 ? 'absent' : 'changed',
    });
  }
  return steps;
}
