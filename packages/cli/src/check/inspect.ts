/** All that can be known to be wrong with a flow without servers, and how much was looked at. */
import { relative } from 'node:path';
import {
  type CheckedSchema,
  checkTopicSchema,
  type Flow,
  inputsOf,
  inspectFlow,
  loadRules,
  outputTopicsOf,
  type StationSpec,
  type TopicSchema,
} from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import { checkCases } from '../cases/run-cases.ts';
import { rulesOf } from '../rule-files.ts';
import { typeFaults } from './rule-types.ts';

export interface Inspection {
  flow: Flow;
  /** Of all data topics that can be read. */
  schemas: ReadonlyMap<string, TopicSchema>;
  /** Rule files that were loaded. */
  rules: number;
  /** Whole-flow cases that can be read. */
  cases: number;
  /** By file, in the order of the file. */
  faults: Fault[];
}

/** @throws Faults where there is no flow file, or no mapping in it. */
export async function inspect(path: string): Promise<Inspection> {
  const { flow, faults: found } = await inspectFlow(path);
  const faults = [...found];
  const checked = await Promise.all([...flow.topics.keys()].map((topic) => checkTopicSchema(flow.schemas, topic)));
  let cases = 0;
  const schemas = new Map<string, TopicSchema>();
  for (const { topic, schema } of checked) if (schema !== undefined) schemas.set(topic, schema);
  faults.push(...schemaFaults(checked));
  // A station that cannot be read is unknown to cases, which is no fault of theirs.
  for (const file of found.length > 0 ? [] : await checkCases(flow, schemas)) {
    cases += file.cases.length;
    faults.push(...file.faults);
  }
  let rules = 0;
  const files = new Set<string>();
  for (const station of flow.stations.values()) {
    if (!isKnown(station, schemas)) continue;
    await collect(faults, async () => {
      const own = rulesOf(flow, station, schemas);
      if (own === undefined) return;
      rules += own.files.length;
      for (const file of own.files) files.add(file);
      const sent = new Set<string>();
      for (const ready of await loadRules(own.files, own.context)) {
        for (const topic of ready.to) sent.add(topic);
        await ready.close();
      }
      for (const topic of own.station.to.slice(1)) if (!sent.has(topic)) faults.push(neverSent(own.station, topic));
    });
  }
  // Of a file that cannot be loaded its own fault says enough.
  const unusable = new Set(faults.filter(({ code }) => code === 'RULE_INVALID').map(({ place = '' }) => fileOf(place)));
  faults.push(...(await typeFaults([...files].filter((file) => !unusable.has(relative('', file))))));
  return { flow, schemas, rules, cases, faults: inOrder(faults) };
}

const neverSent = ({ place }: StationSpec, topic: string): Fault =>
  new Fault('FLOW_INVALID', `no rule sends anything to topic \`${topic}\``, {
    place,
    help: 'name it in a rule’s `to`, or in the column `topic` of a SQL rule; what no rule sends elsewhere goes to the first',
  });

/** A schema that is not there is told where the flow file leads to it. */
const schemaFaults = (checked: readonly CheckedSchema[]): Fault[] =>
  checked.flatMap(({ faults }) => faults.filter(({ message }) => !message.includes('has no schema')));

/** Whether the schemas of all it reads and writes can be used. */
const isKnown = (station: StationSpec, schemas: ReadonlyMap<string, TopicSchema>): boolean =>
  [...inputsOf(station), ...outputTopicsOf(station)].every((topic) => schemas.has(topic));

async function collect(faults: Fault[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Faults) faults.push(...error.faults);
    else if (error instanceof Fault) faults.push(error);
    else throw error;
  }
}

const fileOf = (place: string): string => relative('', place.replace(/(:\d+){1,2}$/, ''));

/** Each once, by file in the order in which files were met, then by line and column. */
export function inOrder(faults: readonly Fault[]): Fault[] {
  const places = faults.map(({ place = '' }) => {
    const [, file = place, line = '0', column = '0'] = /^(.*?)(?::(\d+))?(?::(\d+))?$/.exec(place) ?? [];
    return { file: relative('', file), line: Number(line), column: Number(column) };
  });
  const files = [...new Set(places.map(({ file }) => file))];
  const seen = new Set<string>();
  return faults
    .map((fault, at) => ({ fault, at: places[at] as (typeof places)[number] }))
    .filter(({ fault, at }) => {
      const key = `${at.file}:${at.line}:${at.column} ${fault.message}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort(
      (a, b) =>
        files.indexOf(a.at.file) - files.indexOf(b.at.file) || a.at.line - b.at.line || a.at.column - b.at.column,
    )
    .map(({ fault }) => fault);
}
