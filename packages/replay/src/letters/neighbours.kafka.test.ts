import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER, packHeader } from '@quadrille/record';
import { Outlet } from '@quadrille/station';
import { Letters, noServers } from './letters.fixture.ts';
import { deadLetter } from './query.ts';

test('records of the same key before and after it, with their verdicts', { skip: noServers }, async (t) => {
  await using letters = await Letters.open();
  const { ground, topic } = letters;
  await ground.admin.createTopics([{ topic, partitions: 1, config: {} }], 1);
  t.after(async () => {
    const admin = ground.kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  });
  const outlet = new Outlet(ground.kafka);
  // Offsets 0 to 19, key x at each third of them, the dead letter at 9.
  const records = Array.from({ length: 20 }, (_, n) => {
    const envelope = { id: `id-${n}`, version: BigInt(n), revision: 1, extractedAt: 0, from: undefined };
    const headers: Record<string, Buffer> = n < 6 ? {} : { [HEADER]: packHeader(envelope, false) };
    const key = Buffer.from(n % 3 === 0 ? 'x' : `other-${n}`);
    return { key, value: letters.encode({ id: 'x', n }), headers, partition: 0, timestamp: String(1_000 + n) };
  });
  try {
    await outlet.send(new Map([[topic, new Map([[0, records]])]]));
  } finally {
    await outlet.close();
  }
  await ground.database.query(
    `insert into ledger_part (ledger_partition, ledger_offset, part, flow, station, instance, at, kind, topic, partition,
       from_offset, to_offset, commit_offset, pass, dropped, rejected, outputs, runs, claims, outcome_runs, live)
     values (0, 0, 0, 'f', 'judge', 'i', now(), 'work', $1, 0, 0, 13, 13, 12, 1, 0, 12, $2, '[]', '[]', true)`,
    [topic, JSON.stringify([{ verdict: 'drop', code: 'NOT_WANTED', offset: 6, last: 6, count: 1, deadLetter: null }])],
  );
  const [id] = await letters.add({ id: 'x', offset: 0, source: 9 });
  const { before, after } = await deadLetter(ground, id!);
  const shown = (all: typeof before) =>
    all.map(({ at, recordId, version, verdict }) => [at.offset, recordId, version, verdict]);
  assert.deepEqual(shown(before), [
    [0, 'x', null, 'pass'],
    [3, 'x', null, 'pass'],
    [6, 'id-6', '6', 'drop'],
  ]);
  assert.deepEqual(shown(after), [
    [12, 'id-12', '12', 'pass'],
    [15, 'id-15', '15', 'waiting'],
    [18, 'id-18', '18', 'waiting'],
  ]);
});
