/** The rule files of a flow, each with what it is checked and run against. */
import {
  chainFields,
  type EnricherSpec,
  type Flow,
  openLookups,
  outputContext,
  type RuleContext,
  readsBySql,
  type StationSpec,
  type TopicSchema,
  type TransformerSpec,
} from '@quadrille/flow';

export interface StationRules {
  station: TransformerSpec | EnricherSpec;
  /** Absolute, in the order they apply. */
  files: readonly string[];
  context: RuleContext;
}

/** @throws Fault FLOW_INVALID when a lookup names a field that its topic lacks. */
export function rulesOf(
  flow: Flow,
  station: StationSpec,
  schemas: ReadonlyMap<string, TopicSchema>,
): StationRules | undefined {
  if (station.kind !== 'transformer' && station.kind !== 'enricher') return undefined;
  const fields = (topic: string) => schemas.get(topic)!.fields;
  const base = {
    folder: flow.folder,
    input: fields(station.from),
    ...outputContext(station.to.map((topic) => schemas.get(topic)!)),
    timeoutMs: station.timeoutMs,
  };
  if (station.kind === 'transformer') return { station, files: station.rules, context: base };
  const { tables } = openLookups(station.lookups, {
    record: chainFields(base.input, ...base.topics.values()),
    fieldsOf: fields,
    sql: readsBySql(station),
  });
  const files = [...(station.sql === undefined ? [] : [station.sql]), ...station.rules];
  return { station, files, context: { ...base, tables } };
}
