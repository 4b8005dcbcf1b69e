/** Puts an extractor's intake together: its source, and who is told when everything there was is extracted. */
import { type ExtractorSpec, sourceTypes, withSecrets } from '@quadrille/flow';
import { positionsTopic, stationGroup } from '@quadrille/record';
import { type Surroundings, schemaOf } from './assemble.ts';
import { controlEvent, tell } from './control.ts';
import type { Health } from './health.ts';
import { topicReader } from './kafka/topic-reader.ts';
import { ShardIntake, type ShardIntakeOptions } from './shard-intake.ts';
import type { SourceMetrics } from './source-metrics.ts';
import { untilReady } from './until-ready.ts';

export interface ExtractorParts
  extends Pick<
    ShardIntakeOptions,
    'group' | 'sessionTimeoutMs' | 'chains' | 'log' | 'onRebalance' | 'onStuck' | 'onDead'
  > {
  health: Health;
  metrics: SourceMetrics;
  stopped: Promise<string>;
}

/**
 * The intake of an extractor, once its source has answered.
 * @returns undefined when stopped before. @throws Fault of class `config`
 */
export async function extractorIntake(
  around: Surroundings,
  spec: ExtractorSpec,
  parts: ExtractorParts,
): Promise<ShardIntake | undefined> {
  const { flow, config, control, kafka, log, partitions } = around;
  const { health, metrics, stopped, ...base } = parts;
  const topic = positionsTopic(flow.name, spec.name);
  const lanes = partitions.get(topic)!;
  const type = sourceTypes[spec.source.type]!;
  const traits = type.traits ?? {};
  const output = await schemaOf(flow, spec.to);
  const source = type.create(spec.source.config, {
    flow: flow.name,
    station: spec.name,
    instance: config.instance,
    folder: flow.folder,
    fields: output.fields.map(({ name }) => name),
    schema: output.fields,
    lanes,
    env: withSecrets(config.env, spec.source.config),
    log,
    lag: (shard, lag) => metrics.tell(shard, lag),
    redelivered: (shard, items) => metrics.countAgain(shard, items),
    topicReader: (options) =>
      topicReader(options, {
        env: config.env,
        clientId: `${stationGroup(flow.name, spec.name)}@${config.instance}`,
        log,
      }),
  });
  // What the flow file says wrongly is told before anything is read.
  if ((await untilReady(() => source.shards(), log, stopped)) === undefined) return undefined;
  return new ShardIntake(kafka, {
    ...base,
    source,
    endless: source.endless ?? traits.endless === true,
    rewindable: traits.rewindable ?? true,
    topic,
    partitions: lanes,
    records: spec.round.records,
    pass: () => control.pass,
    onComplete: (partition, pass, count) => void completed(around, spec, stopped, { partition, pass, count }),
    onUnstuck: () => health.unstuck(),
    onHeld: (fault) => (fault === undefined ? health.free() : health.hold(fault)),
  });
}

/** Says that everything there was has been extracted: enrichers wait for it. */
async function completed(
  { flow, config, admin, outlet, partitions, log }: Surroundings,
  spec: ExtractorSpec,
  stopped: Promise<string>,
  { partition, pass, count }: { partition: number; pass: string; count: number },
): Promise<void> {
  const topic = spec.to;
  const of = partitions.get(positionsTopic(flow.name, spec.name))!;
  await untilReady(
    async () => {
      const ends = (await admin.bounds(topic)).map(({ high }, index) => ({ partition: index, offset: high }));
      const by = { flow: flow.name, station: spec.name, by: config.instance };
      await tell(outlet, controlEvent({ kind: 'snapshot', ...by, topic, partition, of, pass, count, ends }));
    },
    log,
    stopped,
  );
}
