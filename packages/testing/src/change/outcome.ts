/** What a flow that was changed must show, held against one that nobody disturbed. */
import assert from 'node:assert/strict';
import { type RunResult, readResult } from '../chaos/result.ts';
import { resultProblems } from '../chaos/verdict.ts';
import type { FlowFixture } from '../harness/index.ts';

export async function resultOf({ clients, flow, name }: FlowFixture): Promise<RunResult> {
  const result = await readResult(clients.kafka, clients.admin, flow, clients.addresses.databaseUrl);
  const tables = Object.entries(result.tables).map(([table, found]) => [table.replace(name, 'FLOW'), found]);
  return { ...result, tables: Object.fromEntries(tables) };
}

/**
 * Asserts that it balances with nothing unaccounted, and that tables and dead letters are those of the calm one.
 * @returns what it has left behind.
 */
export async function assertSame(flow: FlowFixture, calm: FlowFixture): Promise<RunResult> {
  const [got, reference] = [await resultOf(flow), await resultOf(calm)];
  assert.deepEqual(resultProblems(reference, reference), [], 'the undisturbed run itself');
  assert.deepEqual(resultProblems(got, reference), []);
  return got;
}
