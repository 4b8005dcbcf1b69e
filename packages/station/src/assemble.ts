/** Puts a station together from its entry in the flow file: what it judges with, takes from and writes to. */
import {
  Decoder,
  Encoder,
  type ExtractorSpec,
  type Flow,
  type OutputTopics,
  readTopicSchema,
  referenceTopicsOf,
  type StationSpec,
  type TopicSchema,
  targetTypes,
  withSecrets,
} from '@quadrille/flow';
import {
  deadLetterTopic,
  Fault,
  LEDGER_TOPIC,
  PREVIEW_TOPIC,
  positionsTopic,
  replayTopic,
  stationGroup,
} from '@quadrille/record';
import { enrich } from './assemble-enrich.ts';
import { transform } from './assemble-transform.ts';
import type { StationConfig } from './config.ts';
import type { Control } from './control.ts';
import { Emitter, type Emitters } from './emitter.ts';
import { Extract } from './extract.ts';
import { ExtractReplay } from './extract-replay.ts';
import type { Judge } from './judge.ts';
import type { KafkaAdmin } from './kafka/admin.ts';
import type { Outlet } from './kafka/producer.ts';
import { topicWriter } from './kafka/topic-writer.ts';
import type { Kafka } from './kafka/types.ts';
import { Load } from './load.ts';
import type { Log } from './log.ts';
import { OWN_CODECS } from './own-topics.ts';
import type { Registry } from './registry.ts';
import type { ShardIntake } from './shard-intake.ts';
import { stateTopicOf } from './state/topic.ts';

/** What every part of a station may need. */
export interface Surroundings {
  config: StationConfig;
  flow: Flow;
  spec: StationSpec;
  kafka: Kafka;
  admin: KafkaAdmin;
  outlet: Outlet;
  registry: Registry;
  control: Control;
  log: Log;
  /** Partitions of every topic in reach. */
  partitions: ReadonlyMap<string, number>;
  onDead(fault: Fault): void;
}

/** The topics a station touches: all must be there before it starts. */
export function topicsOf(flow: Flow, spec: StationSpec): string[] {
  const own = [LEDGER_TOPIC, PREVIEW_TOPIC, replayTopic(flow.name, spec.name)];
  if (spec.kind === 'extractor')
    return [spec.to, deadLetterTopic(spec.to), positionsTopic(flow.name, spec.name), ...own];
  const topics = [spec.from, deadLetterTopic(spec.from), ...own];
  if (spec.kind === 'loader') return topics;
  if (spec.kind === 'enricher') topics.push(...referenceTopicsOf(spec));
  const state = stateTopicOf(flow, spec);
  return [...topics, ...spec.to, ...(state === undefined ? [] : [state])];
}

/** @throws Fault TOPIC_SETTINGS naming all topics that are absent, ACL_MISSING when one is hidden from this user. */
export async function needTopics(admin: KafkaAdmin, outlet: Outlet, topics: string[]): Promise<Map<string, number>> {
  const partitions = await admin.partitions(topics);
  const absent = topics.filter((topic) => !partitions.has(topic));
  // Brokers hide topics that a user may not see.
  await admin.needRights(absent);
  if (absent.length > 0)
    throw new Fault('TOPIC_SETTINGS', `there is no topic ${absent.join(', ')}`, {
      help: 'create them with `quadrille up`, or by hand',
    });
  for (const topic of topics)
    outlet.limit(topic, Number((await admin.setting(topic, 'max.message.bytes')) ?? 1_048_588));
  return partitions;
}

/** Ids of the engine's own schemas, needed to write ledger, positions and control. */
export async function needOwnSchemas(registry: Registry): Promise<void> {
  for (const codec of OWN_CODECS) codec.id ??= await registry.idOf(codec.subject, codec.text);
}

export const schemaOf = (flow: Flow, topic: string): Promise<TopicSchema> => readTopicSchema(flow.schemas, topic);

export const decoderOf = (schema: TopicSchema, { registry, log }: Pick<Surroundings, 'registry' | 'log'>): Decoder =>
  new Decoder(
    schema.type,
    (id) => registry.schemaOf(id),
    (schemaId, fields) =>
      log.warn(
        { topic: schema.topic, schemaId, fields },
        'records have fields that the schema of this station does not: they are passed over until it gets the newer one',
      ),
  );

export async function encoderOf(schema: TopicSchema, registry: Registry): Promise<Encoder> {
  return new Encoder(schema.type, await registry.idOf(`${schema.topic}-value`, schema.text));
}

/** What a station writes: an emitter and a schema a topic, in the order of the flow file. */
export async function outputsFor(
  { flow, partitions, outlet, registry }: Surroundings,
  { from, to }: { from: string; to: OutputTopics },
): Promise<{ emitters: Emitters; outputs: readonly TopicSchema[] }> {
  const emitters: Emitter[] = [];
  const outputs: TopicSchema[] = [];
  for (const topic of to) {
    const schema = await schemaOf(flow, topic);
    const encoder = await encoderOf(schema, registry);
    const [own, fromPartitions] = [partitions.get(topic)!, partitions.get(from)!];
    emitters.push(new Emitter({ topic, partitions: own, encoder, outlet, from, fromPartitions }));
    outputs.push(schema);
  }
  return { emitters: emitters as unknown as Emitters, outputs };
}

/** The judge of a station of any kind. @throws Fault of class `dependency` (try again) or `config`. */
export async function assembleJudge(around: Surroundings, shards: ShardIntake | undefined): Promise<Judge> {
  const { flow, spec, registry, config, outlet, partitions } = around;
  switch (spec.kind) {
    case 'transformer':
      return transform(around, spec);
    case 'enricher':
      return enrich(around, spec);
    case 'loader': {
      const input = await schemaOf(flow, spec.from);
      const type = targetTypes[spec.target.type]!;
      const target = type.create(spec.target.config, {
        flow: flow.name,
        station: spec.name,
        folder: flow.folder,
        schema: input.type,
        fields: input.fields,
        env: withSecrets(config.env, spec.target.config),
        topicWriter: (options) =>
          topicWriter(options, {
            env: config.env,
            clientId: `${stationGroup(flow.name, spec.name)}@${config.instance}`,
            log: around.log,
            schema: input.text,
          }),
      });
      return new Load(decoderOf(input, around), target);
    }
    case 'extractor': {
      const output = await schemaOf(flow, spec.to);
      return extract(spec, output, await encoderOf(output, registry), shards!);
    }
  }

  function extract(own: ExtractorSpec, output: TopicSchema, encoder: Encoder, intake: ShardIntake): Judge {
    return new Extract({
      spec: own,
      fields: output.fields,
      encoder,
      outlet,
      partitions: partitions.get(own.to)!,
      rowOf: (slice) => intake.rowOf(slice),
    });
  }
}

/** The judge of records sent to the station again; an extractor's cannot be the one that reads the source. */
export async function assembleReplayJudge(around: Surroundings, judge: Judge): Promise<Judge> {
  const { flow, spec } = around;
  if (spec.kind !== 'extractor') return judge;
  return new ExtractReplay(judge as Extract, decoderOf(await schemaOf(flow, spec.to), around), spec.to);
}
