/** Holds what a flow made of a case against what the case expects; every difference at the line that expects it. */
import {
  type CaseRecord,
  type ExpectedVerdict,
  type Field,
  type FlowCase,
  outputTopicsOf,
  rowDifference,
  type StationSpec,
  type TopicSchema,
} from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { TrialOutput, TrialResult, TrialVerdict } from '@quadrille/station';

export interface Compared {
  stations: ReadonlyMap<string, StationSpec>;
  schemas: ReadonlyMap<string, TopicSchema>;
}

/** CASE_FAILED for every difference, in the order of the case; [] when it holds. */
export function compareCase(one: FlowCase, result: TrialResult, { stations, schemas }: Compared): Fault[] {
  const faults: Fault[] = [];
  const say = (place: string, detail: string): void => {
    faults.push(new Fault('CASE_FAILED', `${one.name}: ${detail}`, { place }));
  };
  const fieldsOf = (topic: string | undefined): readonly Field[] => schemas.get(topic ?? '')?.fields ?? [];
  for (const [name, { verdicts: expected, rows }] of one.expect) {
    const station = stations.get(name)!;
    const got = result.verdicts.get(name) ?? [];
    if (expected !== undefined) {
      if (got.length !== expected.length)
        say(
          one.place(['expect', name]),
          `${name} received ${several(got.length, 'record')}, expected ${expected.length}${lines(got.map((verdict, at) => `${at + 1}: ${told(verdict)}`))}`,
        );
      else
        for (const [at, want] of expected.entries()) {
          const difference = verdictDifference(want, got[at]!, ({ topic }) =>
            fieldsOf(topic ?? outputTopicsOf(station)[0]),
          );
          if (difference !== undefined)
            say(one.placeOfVerdict(name, at), `${name}, ${which(got[at]!, at)}: ${difference}`);
        }
    }
    if (rows !== undefined && station.kind === 'loader')
      compareRows(name, rows, result.rows.get(name) ?? [], fieldsOf(station.from));
  }
  for (const [name, verdicts] of result.verdicts) {
    if (one.expect.has(name)) continue;
    for (const [at, verdict] of verdicts.entries())
      if (verdict.verdict === 'reject')
        say(one.place(['expect']), `${name}, ${which(verdict, at)}: ${told(verdict)}, and nobody expects it`);
  }
  return faults;

  function compareRows(
    name: string,
    wanted: readonly CaseRecord[],
    got: readonly { id: string; value: Record<string, unknown> }[],
    fields: readonly Field[],
  ): void {
    if (wanted.length !== got.length) {
      const found = `${name} holds ${several(got.length, 'row')}, expected ${wanted.length}`;
      say(one.place(['expect', name, 'rows']), `${found}${lines(got.map(({ id }) => id))}`);
      return;
    }
    for (const [at, want] of wanted.entries()) {
      const differences = recordDifference(want, got[at]!, fields);
      if (differences.length > 0)
        say(one.placeOfRow(name, at), `${name}, row ${got[at]!.id}: ${differences.join('\n')}`);
    }
  }
}

const which = ({ id }: TrialVerdict, at: number): string => `record ${at + 1}${id === '' ? '' : ` (${id})`}`;

/** What does not hold, for a person; undefined when all does. */
function verdictDifference(
  want: ExpectedVerdict,
  got: TrialVerdict,
  fieldsOf: (output: { topic?: string }) => readonly Field[],
): string | undefined {
  if (typeof want === 'string') {
    const holds = want === 'pass' || want === 'hold' ? got.verdict === want : got.outcome === want;
    return holds ? undefined : `${told(got)}, expected ${want}`;
  }
  if ('drop' in want)
    return got.verdict === 'drop' && got.code === want.drop ? undefined : `${told(got)}, expected drop ${want.drop}`;
  if ('reject' in want) {
    if (got.fault?.code !== want.reject) return `${told(got)}, expected reject ${want.reject}`;
    return want.field === undefined || want.field === got.fault.field
      ? undefined
      : `rejected for field ${got.fault.field ?? 'none'}, expected ${want.field}`;
  }
  if (got.verdict !== 'pass') return `${told(got)}, expected pass`;
  const wanted = [want.pass].flat();
  if (got.outputs.length !== wanted.length)
    return `${several(got.outputs.length, 'output')}, expected ${wanted.length}`;
  const differences = wanted.flatMap((record, at) =>
    outputDifference(record, got.outputs[at]!, fieldsOf(got.outputs[at]!)).map((line) =>
      wanted.length === 1 ? line : `output ${at + 1}: ${line}`,
    ),
  );
  return differences.length === 0 ? undefined : differences.join('\n');
}

function outputDifference({ $topic, ...want }: CaseRecord, got: TrialOutput, fields: readonly Field[]): string[] {
  // Fields of another topic are another's.
  if ($topic !== undefined && $topic !== got.topic) return [`it goes to ${got.topic}, expected ${String($topic)}`];
  return recordDifference(want, got, fields);
}

function recordDifference(
  want: CaseRecord,
  { id, value }: Pick<TrialOutput, 'id' | 'value'>,
  fields: readonly Field[],
): string[] {
  const { $id, $deleted = false, ...named } = want;
  const differences: string[] = [];
  if ($id !== undefined && $id !== id) differences.push(`id is ${id}, expected ${String($id)}`);
  if ((value === null) !== $deleted)
    differences.push(value === null ? 'it is a deletion' : 'it is no deletion, expected one');
  else if (value !== null) differences.push(...rowDifference(named, value, fields));
  return differences;
}

function told({ verdict, code, fault, outcome }: TrialVerdict): string {
  if (verdict === 'drop') return `dropped with ${code}`;
  if (verdict === 'hold') return 'waits for a row of a lookup';
  if (fault === undefined) return outcome ?? 'passed';
  const place = fault.place === undefined ? '' : ` at ${fault.place}`;
  return `rejected with ${fault.code} (${fault.message})${place}`;
}

const several = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const lines = (list: readonly string[]): string => list.map((line) => `\n    ${line}`).join('');
