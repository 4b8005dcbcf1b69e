/** A station's own judge, with nothing around it but memory: schemas without a registry, topics without brokers. */
import {
  type AnswerRow,
  chainFields,
  type EnricherSpec,
  type Flow,
  loadRules,
  type OutputTopics,
  openLookups,
  outputContext,
  planStateful,
  type ReadyRule,
  readsBySql,
  referenceTopicsOf,
  type StatefulSpec,
  type StationSpec,
  type TopicSchema,
  type TransformerSpec,
} from '@quadrille/flow';
import type { InputRecord } from '@quadrille/record';
import { Emitter, type Emitters } from '../emitter.ts';
import { Enrich } from '../enrich.ts';
import { Extract } from '../extract.ts';
import type { Judge } from '../judge.ts';
import { Load } from '../load.ts';
import { Stateful } from '../state/stateful.ts';
import { Transform } from '../transform.ts';
import { MemoryLookup } from './memory-lookup.ts';
import type { MemorySchemas } from './memory-schemas.ts';
import { MemoryTarget } from './memory-target.ts';

export interface TrialJudge {
  judge: Judge;
  /** Of a loader. */
  target?: MemoryTarget;
}

export interface LookupsGiven {
  /** Records of the reference topics, by topic. */
  topics: ReadonlyMap<string, readonly InputRecord[]>;
  /** What lookups that are asked answer, by `station.lookup`. */
  asked: ReadonlyMap<string, readonly AnswerRow[]>;
}

/** Every record fits a topic that is no topic. */
const outlet = { fits: () => true };

/**
 * @param given what lookups are made of, anew for every trial.
 * @param rules of transformers, loaded once: they keep nothing from one record to the next.
 * @throws Faults of schemas and rules
 */
export async function judgeOf(
  flow: Flow,
  spec: StationSpec,
  schemas: MemorySchemas,
  given: LookupsGiven,
  rules: Map<string, readonly ReadyRule[]>,
): Promise<TrialJudge> {
  switch (spec.kind) {
    case 'extractor': {
      const output = await schemas.of(spec.to);
      const encoder = schemas.encoder(output);
      const rowOf = (slice: { from: number }): number => slice.from;
      return { judge: new Extract({ spec, fields: output.fields, encoder, outlet, partitions: 1, rowOf }) };
    }
    case 'transformer': {
      const input = await schemas.of(spec.from);
      const outputs = await outputsFor(spec, schemas);
      let ready = rules.get(spec.name);
      if (ready === undefined) {
        ready = await loadRules(spec.rules, rulesContext(flow, spec, input, outputs));
        rules.set(spec.name, ready);
      }
      const emitters = emittersOf(spec.from, outputs, schemas);
      return {
        judge: new Transform({
          decoder: schemas.decoder(input),
          emitters,
          rules: ready,
          stateful: statefulIn(spec, input, outputs[0]!, emitters[0]),
        }),
      };
    }
    case 'enricher':
      return { judge: await enrichOf(flow, spec, schemas, given) };
    case 'loader': {
      const target = new MemoryTarget();
      return { judge: new Load(schemas.decoder(await schemas.of(spec.from)), target), target };
    }
  }
}

async function enrichOf(flow: Flow, spec: EnricherSpec, schemas: MemorySchemas, given: LookupsGiven): Promise<Enrich> {
  const input = await schemas.of(spec.from);
  const outputs = await outputsFor(spec, schemas);
  const topics = new Map<string, TopicSchema>();
  for (const topic of referenceTopicsOf(spec)) topics.set(topic, await schemas.of(topic));
  const lookups = openLookups(spec.lookups, {
    record: chainFields(input.fields, ...outputs.map(({ fields }) => fields)),
    fieldsOf: (topic) => topics.get(topic)!.fields,
    sql: readsBySql(spec),
    asked: ({ name }) => new MemoryLookup(given.asked.get(`${spec.name}.${name}`) ?? []),
  });
  const files = [...(spec.sql === undefined ? [] : [spec.sql]), ...spec.rules];
  const rules = await loadRules(files, { ...rulesContext(flow, spec, input, outputs), tables: lookups.tables });
  for (const reference of lookups.references) {
    const decoder = schemas.decoder(topics.get(reference.topic)!);
    for (const record of given.topics.get(reference.topic) ?? []) {
      const { id, version, revision } = record.envelope();
      if (record.bytes !== null) await decoder.prepare(record.bytes.readUInt32BE(1));
      reference.apply(id, version, revision, record.bytes === null ? null : decoder.decode(record.bytes));
    }
  }
  // All rows there will be are there.
  const feed = { start: async () => {}, stop: async () => {}, require: () => {}, refresh: async () => {} };
  const emitters = emittersOf(spec.from, outputs, schemas);
  return new Enrich({ decoder: schemas.decoder(input), emitters, feed, legs: lookups.legs, rules });
}

/** What is kept is never written. */
const NOTHING = Buffer.alloc(0);

/** Records of a trial have no time that events could be ahead of. */
const timeless = ({ dedupe, window }: StatefulSpec): StatefulSpec => ({
  dedupe: dedupe && { ...dedupe, aheadMs: Infinity },
  window: window && { ...window, aheadMs: Infinity },
});

/** From nothing in every trial. */
const statefulIn = (
  spec: TransformerSpec,
  input: TopicSchema,
  output: TopicSchema,
  emitter: Emitter,
): Stateful | undefined =>
  spec.stateful &&
  new Stateful({
    topic: spec.from,
    plan: planStateful(timeless(spec.stateful), input.fields, output.fields),
    partitions: 1,
    verify: (value) => emitter.verify(value),
    encode: () => NOTHING,
    restore: async () => ({ entries: [], stale: [] }),
  });

const outputsFor = ({ to }: { to: OutputTopics }, schemas: MemorySchemas): Promise<TopicSchema[]> =>
  Promise.all(to.map((topic) => schemas.of(topic)));

function rulesContext(flow: Flow, spec: StationSpec, input: TopicSchema, outputs: readonly TopicSchema[]) {
  return { folder: flow.folder, input: input.fields, ...outputContext(outputs), timeoutMs: spec.timeoutMs };
}

const emittersOf = (from: string, outputs: readonly TopicSchema[], schemas: MemorySchemas): Emitters =>
  outputs.map(
    (output) =>
      new Emitter({
        topic: output.topic,
        partitions: 1,
        encoder: schemas.encoder(output),
        outlet,
        from,
        fromPartitions: 1,
      }),
  ) as unknown as Emitters;
