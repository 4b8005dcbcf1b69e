/** Makes what the stations of a flow need and do not make themselves: topics, and schemas in the registry. */
import { type Flow, readTopicSchema } from '@quadrille/flow';
import { deadLetterTopic, positionsTopic, replayTopic } from '@quadrille/record';
import type { KafkaAdmin, TopicSpec } from './kafka/admin.ts';
import { FOREVER, OWN_CODECS, OWN_TOPICS, POSITION_PARTITIONS } from './own-topics.ts';
import type { Registry } from './registry.ts';
import { stateTopicOf } from './state/topic.ts';

/** `max.message.bytes` of a topic that does not say otherwise: the broker's default. */
const DEFAULT_BYTES = 1_048_588;
/** What the headers of a fault may add to a record, and to spare. */
const DEAD_LETTER_ROOM = 65_536;

/**
 * Every topic of a flow with its settings, the engine's own included. Topics marked `external` are left to who writes
 * them; their dead letters are ours. Pure.
 */
export function topicsOfFlow(flow: Flow): TopicSpec[] {
  const specs = new Map<string, TopicSpec>(OWN_TOPICS.map((spec) => [spec.topic, spec]));
  const add = (spec: TopicSpec): void => void specs.set(spec.topic, spec);
  for (const { name, partitions, compacted, maxBytes, external } of flow.topics.values()) {
    if (external) continue;
    const config: Record<string, string> = {
      'cleanup.policy': compacted ? 'compact' : 'delete',
      'message.timestamp.type': 'CreateTime',
    };
    if (maxBytes !== undefined) config['max.message.bytes'] = String(maxBytes);
    add({ topic: name, partitions, config });
  }
  for (const station of flow.stations.values()) {
    const judged = station.kind === 'extractor' ? station.to : station.from;
    const { partitions, maxBytes } = flow.topics.get(judged)!;
    const room = String((maxBytes ?? DEFAULT_BYTES) + DEAD_LETTER_ROOM);
    add({ topic: deadLetterTopic(judged), partitions, config: { ...FOREVER, 'max.message.bytes': room } });
    add({ topic: replayTopic(flow.name, station.name), partitions, config: { ...FOREVER, 'max.message.bytes': room } });
    const state = stateTopicOf(flow, station);
    if (state !== undefined) add({ topic: state, partitions, config: { 'cleanup.policy': 'compact' } });
    if (station.kind === 'extractor')
      add({ topic: positionsTopic(flow.name, station.name), partitions: POSITION_PARTITIONS, config: FOREVER });
  }
  return [...specs.values()];
}

/**
 * Creates topics that are absent and registers schemas under `<topic>-value`. What is there already stays as it is; once
 * done, doing it again changes nothing.
 * @throws Fault SCHEMA_INVALID, SCHEMA_INCOMPATIBLE; of class `dependency` when Kafka or the registry does not answer.
 */
export async function provision(flow: Flow, admin: KafkaAdmin, registry: Registry): Promise<void> {
  await admin.createTopics(topicsOfFlow(flow), Math.min(3, await admin.brokers()));
  for (const codec of OWN_CODECS) codec.id = await registry.register(codec.subject, codec.text);
  for (const { name, external } of flow.topics.values()) {
    if (external) continue;
    const { text } = await readTopicSchema(flow.schemas, name);
    await registry.register(`${name}-value`, text);
  }
}
