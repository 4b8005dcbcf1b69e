/** An enricher out of its entry: codecs, lookups with what feeds them, SQL and rules. */
import {
  askedByType,
  chainFields,
  type EnricherSpec,
  loadRules,
  openLookups,
  outputContext,
  readsBySql,
  referenceTopicsOf,
  type TopicSchema,
} from '@quadrille/flow';
import { stationGroup } from '@quadrille/record';
import { decoderOf, outputsFor, type Surroundings, schemaOf } from './assemble.ts';
import { Enrich } from './enrich.ts';
import { LookupFeed } from './lookup-feed.ts';

export async function enrich(around: Surroundings, spec: EnricherSpec): Promise<Enrich> {
  const { admin, flow, config, kafka, control, log, onDead } = around;
  const input = await schemaOf(flow, spec.from);
  const { emitters, outputs } = await outputsFor(around, spec);
  const schemas = new Map<string, TopicSchema>();
  for (const topic of referenceTopicsOf(spec)) schemas.set(topic, await schemaOf(flow, topic));
  const lookups = openLookups(spec.lookups, {
    record: chainFields(input.fields, ...outputs.map(({ fields }) => fields)),
    fieldsOf: (topic) => schemas.get(topic)!.fields,
    sql: readsBySql(spec),
    asked: askedByType(config.env),
  });
  const rules = await loadRules([...(spec.sql === undefined ? [] : [spec.sql]), ...spec.rules], {
    folder: flow.folder,
    input: input.fields,
    ...outputContext(outputs),
    timeoutMs: spec.timeoutMs,
    tables: lookups.tables,
  });
  const feed = new LookupFeed(kafka, {
    name: `${stationGroup(flow.name, spec.name)}.lookups`,
    tables: lookups.references.map((reference) => ({
      topic: reference.topic,
      decoder: decoderOf(schemas.get(reference.topic)!, around),
      apply: (id, version, revision, value) => reference.apply(id, version, revision, value),
    })),
    admin,
    control,
    sessionTimeoutMs: config.sessionTimeoutMs,
    log,
    onDead,
  });
  return new Enrich({ decoder: decoderOf(input, around), emitters, feed, legs: lookups.legs, rules });
}
