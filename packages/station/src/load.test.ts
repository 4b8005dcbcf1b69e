import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decoder, Outcome, Target, TargetRow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { Load } from './load.ts';
import { REJECT } from './round.ts';
import { roundOf, sliceOf } from './test-round.ts';

const decoder = { isReady: () => true, decode: () => ({}) } as unknown as Decoder;

/** A table that takes a write whole or not at all, and not these offsets. */
class PickyTarget implements Target {
  writes = 0;
  readonly taken: number[] = [];
  private readonly refused: ReadonlySet<number>;
  private readonly fault: Fault;

  constructor(refused: Iterable<number>, fault = new Fault('TARGET_REFUSED', 'not that one')) {
    this.refused = new Set(refused);
    this.fault = fault;
  }

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async write(rows: TargetRow[]): Promise<Outcome[]> {
    this.writes++;
    if (rows.some(({ offset }) => this.refused.has(offset))) throw this.fault;
    this.taken.push(...rows.map(({ offset }) => offset));
    return rows.map(() => 'written');
  }
}

async function load(target: Target, count: number) {
  const slice = sliceOf(new Array(count).fill(0), 0);
  await new Load(decoder, target).judge(roundOf(slice));
  return slice.records.flatMap(({ offset }, index) => (slice.verdicts[index] === REJECT ? [offset] : []));
}

test('what is good is written at once', async () => {
  const target = new PickyTarget([]);
  assert.deepEqual(await load(target, 3_000), []);
  assert.equal(target.writes, 1);
});

test('a few poison rows of a large round are found by halving, and all others written in their order', async () => {
  const target = new PickyTarget([0, 1_500, 2_999]);
  assert.deepEqual(await load(target, 3_000), [0, 1_500, 2_999]);
  assert.equal(target.taken.length, 2_997);
  assert.deepEqual(
    target.taken,
    target.taken.toSorted((a, b) => a - b),
  );
  assert.ok(target.writes < 80, `${target.writes} writes`);
});

test('a round of poison is not halved for ever', async () => {
  const all = Array.from({ length: 500 }, (_, offset) => offset);
  const target = new PickyTarget(all);
  assert.deepEqual(await load(target, 500), all);
  assert.ok(target.writes < 550, `${target.writes} writes`);
});

test('what is no fault of a row ends the search, and rejects nothing', async () => {
  const target = new PickyTarget([7], new Fault('TARGET_UNAVAILABLE', 'away'));
  await assert.rejects(load(target, 10), { code: 'TARGET_UNAVAILABLE' });
  assert.equal(target.writes, 1);
});
