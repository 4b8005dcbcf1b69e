/** What the JSON Schema of case files cannot see: stations, topics and fields that the flow does not have. */
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { TopicSchema } from '../avro/topic-schema.ts';
import { type Flow, outputTopicsOf, type StationSpec } from '../flow.ts';
import type { Path } from '../flow-file-document.ts';
import { helpFor } from '../json-schema-problem.ts';
import type { CaseRecord, FlowCase } from './case-file.ts';

const OUTCOMES = new Set(['written', 'unchanged', 'superseded', 'conflict']);

/** @param schemas of the flow's topics; of a topic that is missing there nothing is checked. */
export function checkCase(flow: Flow, schemas: ReadonlyMap<string, TopicSchema>, one: FlowCase): Fault[] {
  const faults: Fault[] = [];
  const say = (path: Path, what: string, help: string | undefined): void => {
    faults.push(new Fault('CASE_INVALID', what, { place: one.place(path), ...(help !== undefined && { help }) }));
  };
  const checkFields = (record: CaseRecord, topic: string | undefined, path: Path): void => {
    const fields: readonly Field[] | undefined = topic === undefined ? undefined : schemas.get(topic)?.fields;
    if (fields === undefined) return;
    const names = fields.map(({ name }) => name);
    for (const name of Object.keys(record))
      if (!name.startsWith('$') && !names.includes(name))
        say([...path, name], `${topic} has no field \`${name}\``, helpFor(name, names));
  };
  const stationOf = (name: string, path: Path): StationSpec | undefined => {
    const station = flow.stations.get(name);
    if (station === undefined) say(path, `there is no station \`${name}\``, helpFor(name, flow.stations.keys()));
    return station;
  };
  const lookups = [...flow.stations.values()].flatMap((station) =>
    station.kind === 'enricher'
      ? station.lookups.map(({ name, topic }) => ({
          name: topic ?? `${station.name}.${name}`,
          asked: topic === undefined,
        }))
      : [],
  );
  const names = lookups.map(({ name }) => name);
  for (const [topic, rows] of one.lookups) {
    const path = ['lookups', topic];
    const lookup = lookups.find(({ name }) => name === topic);
    if (lookup === undefined) say(path, `no lookup is made of topic \`${topic}\``, helpFor(topic, names));
    else if (!lookup.asked) for (const [at, row] of rows.entries()) checkFields(row, topic, [...path, at]);
  }
  for (const [name, records] of one.given) {
    const station = stationOf(name, ['given', name]);
    if (station === undefined) continue;
    const topic = station.kind === 'extractor' ? station.to : station.from;
    for (const [at, record] of records.entries()) checkFields(record, topic, ['given', name, at]);
  }
  for (const [name, { verdicts = [], rows = [] }] of one.expect) {
    const station = stationOf(name, ['expect', name]);
    if (station === undefined) continue;
    const path: Path = ['expect', name];
    if (rows.length > 0 && station.kind !== 'loader')
      say([...path, 'rows'], `\`${name}\` is no loader and has no rows`, 'name what it passes on under its verdicts');
    for (const [at, row] of rows.entries())
      checkFields(row, station.kind === 'loader' ? station.from : undefined, [...path, 'rows', at]);
    for (const [at, verdict] of verdicts.entries()) {
      const here = one.placeOfVerdict(name, at);
      if (typeof verdict === 'string' && OUTCOMES.has(verdict) && station.kind !== 'loader')
        faults.push(
          new Fault('CASE_INVALID', `\`${name}\` is no loader: nothing is ${verdict}`, {
            place: here,
            help: 'pass, { pass: … }, { drop: CODE }, { reject: CODE } or hold',
          }),
        );
      if (typeof verdict === 'string' || !('pass' in verdict)) continue;
      for (const output of [verdict.pass].flat()) {
        const wrong = outputProblem(output, outputTopicsOf(station), schemas);
        if (wrong !== undefined) {
          const { what, help } = wrong;
          faults.push(new Fault('CASE_INVALID', what, { place: here, ...(help !== undefined && { help }) }));
        }
      }
    }
  }
  return faults;
}

/** What an expected output names that is not there: its topic, or a field of it, of any where it names none. */
function outputProblem(
  output: CaseRecord,
  topics: readonly string[],
  schemas: ReadonlyMap<string, TopicSchema>,
): { what: string; help: string | undefined } | undefined {
  const { $topic: topic, ...fields } = output;
  if (topic !== undefined && !topics.includes(String(topic)))
    return { what: `the station does not write topic \`${String(topic)}\``, help: helpFor(String(topic), topics) };
  const of = topic === undefined ? topics : [String(topic)];
  if (!of.every((each) => schemas.has(each))) return undefined;
  const names = of.flatMap((each) => schemas.get(each)!.fields.map((field) => field.name));
  const unknown = Object.keys(fields).find((field) => !field.startsWith('$') && !names.includes(field));
  if (unknown === undefined) return undefined;
  return { what: `${of.join(', ')} has no field \`${unknown}\``, help: helpFor(unknown, names) };
}
