/** What a disturbed run must show, held against an undisturbed one. Pure. */

import type { RunResult } from './result.ts';
import type { Run } from './run-flow.ts';

/** Exit codes of stations that are part of the design: an order, and a client that cannot recover (70, see run.ts). */
const DESIGNED_ENDS = new Set([0, 70]);

/** What is wrong with a run; empty when nothing was lost, nothing stands twice, and every blow fell while records flowed. */
export function problemsOf(run: Run, reference: RunResult): string[] {
  const { blows, unasked, hung, stuck, result } = run;
  return [
    ...blows.filter(({ struckAt }) => struckAt >= 1).map(({ detail }) => `too late to prove anything: ${detail}`),
    ...unasked
      .filter(({ code }) => !DESIGNED_ENDS.has(code ?? -1))
      .map(({ instance, code, signal }) => `${instance} ended by itself with ${signal ?? `exit code ${code}`}`),
    ...hung.map((instance) => `${instance} did not end in order`),
    ...(stuck === undefined ? [] : [`it came to no end: ${stuck}`]),
    ...(result === undefined ? [] : resultProblems(result, reference)),
  ];
}

/** The part of it that the books, tables and dead letters show. */
export function resultProblems(result: RunResult, reference: RunResult): string[] {
  const { books, tables, deadLetters } = result;
  const problems = books.findings.map(({ text }) => text);
  const expect = (what: string, got: unknown, wanted: unknown): void => {
    if (got !== wanted) problems.push(`${what}: ${got}, and must be ${wanted}`);
  };
  expect('balanced', books.balanced, true);
  expect('drained', books.drained, true);
  expect('unaccounted', books.unaccounted, 0);
  expect('conflicts', books.conflicts, 0);
  expect('strays', books.strays.length, 0);
  expect('foreign records', sumOf(books, 'foreign'), 0);
  for (const [name, { kind, received }] of Object.entries(reference.books.stations)) {
    if (kind === 'extractor') expect(`records of ${name}`, books.stations[name]?.received, received);
  }
  for (const [name, { rows, checksum }] of Object.entries(reference.tables)) {
    expect(`rows of ${name}`, tables[name]?.rows, rows);
    expect(`checksum of ${name}`, tables[name]?.checksum, checksum);
  }
  expect('dead letters', deadLetters.records, reference.deadLetters.records);
  expect('checksum of dead letters', deadLetters.checksum, reference.deadLetters.checksum);
  return problems;
}

/** Over every topic once: several stations may read one. */
export function sumOf(books: RunResult['books'], column: 'duplicate' | 'foreign'): number {
  return [...byTopic(books, column).values()].reduce((a, b) => a + b, 0);
}

export function byTopic(books: RunResult['books'], column: 'duplicate' | 'foreign'): Map<string, number> {
  return new Map([...books.edges, ...books.ends].map((each) => [each.topic, each[column]]));
}
