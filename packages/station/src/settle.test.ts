import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, type LedgerEntry, reject } from '@quadrille/record';
import type { Intake } from './intake.ts';
import type { Outbox, Placed, Placement } from './kafka/producer.ts';
import { Slice } from './round.ts';
import { type SettleOptions, settle } from './settle.ts';
import { outputOf, recordsAt, roundOf } from './test-round.ts';

interface Bench {
  options: SettleOptions;
  steps: string[];
  entries: LedgerEntry[];
  committed: { partition: number; offset: number; ref: object }[];
  epoch: number;
}

/** Stands in for what settle writes to. @param pieces messages a piece of a split send; positions begin at 100 times the partition. */
function bench(pieces = 1_000): Bench {
  const at: Bench = { options: undefined as never, steps: [], entries: [], committed: [], epoch: 1 };
  const intake = {
    get epoch() {
      return at.epoch;
    },
    previous: () => ({ partition: 2, offset: 5, part: 0 }),
    commit: async (epoch: number, settled: { slice: Slice; offset: number; ref: object }[]) => {
      at.steps.push('commit');
      if (epoch !== at.epoch) return false;
      at.committed.push(...settled.map(({ slice, offset, ref }) => ({ partition: slice.partition, offset, ref })));
      return true;
    },
  } as unknown as Intake;
  at.options = {
    flow: 'f',
    station: 's',
    instance: 'i',
    rejecter: { group: 'f.s', station: 's', service: '1' },
    intake,
    deadLettersOf: 'in',
    deadLetterPartitions: 2,
    positionsTopic: undefined,
    stateTopic: undefined,
    send: async (outbox) => {
      at.steps.push('send');
      return place(outbox, pieces);
    },
    writeLedger: async (entry) => {
      at.steps.push('ledger');
      at.entries.push(entry);
      return { partition: 2, offset: 6 };
    },
    ledger: true,
    now: () => 77,
  };
  return at;
}

/** Where the messages would go: in pieces, with a gap of 10 offsets between two. */
function place(outbox: Outbox, pieces: number): Placement {
  const placement: Placement = new Map();
  for (const [topic, partitions] of outbox) {
    const placed = new Map<number, Placed[]>();
    for (const [partition, messages] of partitions) {
      const list: Placed[] = [];
      for (let index = 0; index < messages.length; index += pieces) {
        const before = list.at(-1);
        const offset = before === undefined ? partition * 100 : before.offset + before.count + 10;
        list.push({ index, count: Math.min(pieces, messages.length - index), offset });
      }
      placed.set(partition, list);
    }
    placement.set(topic, placed);
  }
  return placement;
}

const passing = (from: number, count: number, partition: number): Slice => {
  const slice = new Slice(
    'in',
    partition,
    from,
    recordsAt(...Array.from({ length: count }, (_, i) => from + i)),
    false,
  );
  for (let i = 0; i < count; i++) {
    slice.emit('out', outputOf(from + i, 1));
    slice.pass(i);
  }
  return slice;
};

test('outputs first, then the ledger, then the commit; the commit names the part', async () => {
  const at = bench();
  assert.equal(await settle(roundOf(passing(10, 3, 0), passing(50, 2, 1)), at.options), true);
  assert.deepEqual(at.steps, ['send', 'ledger', 'commit']);
  const [first, second] = at.entries[0]!.parts;
  assert.deepEqual(first!.claims, [{ topic: 'out', partition: 1, offset: 100, count: 3 }]);
  assert.deepEqual(second!.claims, [{ topic: 'out', partition: 1, offset: 103, count: 2 }]);
  assert.deepEqual([first!.from, first!.to, first!.commit, first!.pass, first!.outputs], [10, 13, 13, 3, 3]);
  assert.deepEqual(first!.prev, { partition: 2, offset: 5, part: 0 });
  assert.deepEqual(at.committed, [
    { partition: 0, offset: 13, ref: { partition: 2, offset: 6, part: 0 } },
    { partition: 1, offset: 52, ref: { partition: 2, offset: 6, part: 1 } },
  ]);
});

test('claims are split where the send was, also in the middle of a slice', async () => {
  const at = bench(2);
  await settle(roundOf(passing(10, 3, 0), passing(50, 2, 1)), at.options);
  const [first, second] = at.entries[0]!.parts;
  assert.deepEqual(first!.claims, [
    { topic: 'out', partition: 1, offset: 100, count: 2 },
    { topic: 'out', partition: 1, offset: 112, count: 1 },
  ]);
  assert.deepEqual(second!.claims, [
    { topic: 'out', partition: 1, offset: 113, count: 1 },
    { topic: 'out', partition: 1, offset: 124, count: 1 },
  ]);
});

test('drops and rejects stand run-length; a run ends with its code, with a pass, and where dead letters leave a gap', async () => {
  const at = bench(3);
  const slice = new Slice('in', 3, 10, recordsAt(10, 11, 13, 14, 15, 16, 17, 18), false);
  slice.drop(0, 'OLD');
  slice.drop(1, 'OLD');
  slice.drop(2, 'OTHER');
  slice.pass(3);
  for (const index of [4, 5, 6, 7]) slice.reject(index, reject('BAD', 'bad'));
  await settle(roundOf(slice), at.options);
  const part = at.entries[0]!.parts[0]!;
  assert.deepEqual(part.runs, [
    { verdict: 'drop', code: 'OLD', offset: 10, last: 11, count: 2, deadLetter: null },
    { verdict: 'drop', code: 'OTHER', offset: 13, last: 13, count: 1, deadLetter: null },
    {
      verdict: 'reject',
      code: 'BAD',
      offset: 15,
      last: 17,
      count: 3,
      deadLetter: { topic: 'dlq.in', partition: 1, offset: 100 },
    },
    {
      verdict: 'reject',
      code: 'BAD',
      offset: 18,
      last: 18,
      count: 1,
      deadLetter: { topic: 'dlq.in', partition: 1, offset: 113 },
    },
  ]);
  assert.deepEqual([part.pass, part.drop, part.reject, part.to], [1, 3, 4, 19]);
  assert.deepEqual(part.claims, [], 'dead letters are not claimed twice');
});

test('a loader’s outcomes are summed over its passes only', async () => {
  const at = bench();
  const slice = new Slice('in', 0, 10, recordsAt(10, 11, 12, 13), false);
  slice.outcomes = Uint8Array.of(0, 1, 0, 3);
  for (const index of [0, 1, 3]) slice.pass(index);
  slice.reject(2, reject('BAD', 'bad'));
  await settle(roundOf(slice), at.options);
  assert.deepEqual(at.entries[0]!.parts[0]!.outcomes, { written: 1, unchanged: 1, superseded: 0, conflicts: 1 });
});

test('a stale round is neither sent nor written down nor committed', async () => {
  const at = bench();
  at.epoch = 2;
  assert.equal(await settle(roundOf(passing(10, 1, 0)), at.options), false);
  assert.deepEqual(at.steps, []);
});

test('ownership lost while sending: not written down', async () => {
  const at = bench();
  const { send } = at.options;
  at.options.send = async (outbox) => {
    at.epoch = 2;
    return send(outbox);
  };
  assert.equal(await settle(roundOf(passing(10, 1, 0)), at.options), false);
  assert.deepEqual(at.steps, ['send']);
});

test('what is not acknowledged is not written down', async () => {
  const at = bench();
  at.options.send = async () => {
    throw new Fault('BROKER_UNAVAILABLE', 'lost');
  };
  await assert.rejects(settle(roundOf(passing(10, 1, 0)), at.options), { code: 'BROKER_UNAVAILABLE' });
  assert.deepEqual(at.steps, []);
});
