/** Runs the cases of a flow: each from nothing, through the judges of its stations, in this process. */
import {
  type AnswerRow,
  type CaseFile,
  type CaseRecord,
  checkCase,
  type Flow,
  type FlowCase,
  findCases,
  givenRecord,
  readCases,
  type StationSpec,
  type TopicSchema,
} from '@quadrille/flow';
import { asFault, Fault, Faults } from '@quadrille/record';
import { Trial, type TrialInput } from '@quadrille/station';
import { compareCase } from './compare.ts';

export interface CaseOutcome {
  /** Absolute. */
  file: string;
  /** Its name; of a file that cannot be read, ''. */
  name: string;
  /** What does not hold; [] when all does. */
  faults: readonly Fault[];
  milliseconds: number;
}

/** Case files with what is wrong with each. */
export async function checkCases(flow: Flow, schemas: ReadonlyMap<string, TopicSchema>): Promise<CaseFile[]> {
  const files = await Promise.all((await findCases(flow)).map(readCases));
  return files.map((file) => ({
    ...file,
    faults: [...file.faults, ...file.cases.flatMap((one) => checkCase(flow, schemas, one))],
  }));
}

/** All cases of all files, in order. */
export async function runCases(flow: Flow, schemas: ReadonlyMap<string, TopicSchema>): Promise<CaseOutcome[]> {
  const outcomes: CaseOutcome[] = [];
  const trial = new Trial(flow);
  try {
    for (const { file, cases, faults } of await checkCases(flow, schemas)) {
      if (faults.length > 0) outcomes.push({ file, name: '', faults, milliseconds: 0 });
      else
        for (const one of cases) {
          const start = performance.now();
          const found = await runCase(trial, flow, schemas, one);
          outcomes.push({ file, name: one.name, faults: found, milliseconds: performance.now() - start });
        }
    }
  } finally {
    await trial.close();
  }
  return outcomes;
}

async function runCase(
  trial: Trial,
  flow: Flow,
  schemas: ReadonlyMap<string, TopicSchema>,
  one: FlowCase,
): Promise<readonly Fault[]> {
  try {
    const stations = new Map<string, TrialInput[]>();
    for (const [name, records] of one.given)
      stations.set(
        name,
        records.map((record) => inputOf(record, flow.stations.get(name)!, schemas)),
      );
    const lookups = new Map<string, TrialInput[]>();
    const asked = new Map<string, readonly AnswerRow[]>();
    for (const [name, rows] of one.lookups)
      if (schemas.has(name))
        lookups.set(
          name,
          rows.map((row) => typedOf(row, name, schemas)),
        );
      else asked.set(name, rows);
    return compareCase(one, await trial.run({ stations, lookups, asked }), { stations: flow.stations, schemas });
  } catch (error) {
    if (error instanceof Faults) return error.faults;
    const { message, help } = asFault(error, 'CASE_INVALID');
    if (!(error instanceof Fault)) throw error;
    return [
      error.place === undefined
        ? new Fault('CASE_INVALID', `${one.name}: ${message}`, { place: one.place(['given']), help })
        : error,
    ];
  }
}

function inputOf(record: CaseRecord, station: StationSpec, schemas: ReadonlyMap<string, TopicSchema>): TrialInput {
  if (station.kind !== 'extractor') return typedOf(record, station.from, schemas);
  const { who, fields } = split(record);
  // A row of a CSV file is text, whatever YAML takes it for.
  const raw = station.source.type === 'csv' ? Object.fromEntries(Object.entries(fields).map(asText)) : fields;
  return { ...who, fields: record.$deleted === true && Object.keys(raw).length === 0 ? null : raw };
}

function typedOf(record: CaseRecord, topic: string, schemas: ReadonlyMap<string, TopicSchema>): TrialInput {
  const { who, fields } = split(record);
  return {
    ...who,
    fields: record.$deleted === true ? null : givenRecord({ given: fields }, schemas.get(topic)!.fields),
  };
}

function split({ $id, $version, $revision, $deleted: _, ...fields }: CaseRecord): {
  who: Pick<TrialInput, 'id' | 'version' | 'revision'>;
  fields: Record<string, unknown>;
} {
  return {
    who: {
      id: $id as string | undefined,
      version: $version as number | undefined,
      revision: $revision as number | undefined,
    },
    fields,
  };
}

const asText = ([name, value]: [string, unknown]): [string, unknown] => [
  name,
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
];
