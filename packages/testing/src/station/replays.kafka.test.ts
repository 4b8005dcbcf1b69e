import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FORMER_HEADER,
  HEADER,
  PREVIEW_TOPIC,
  PREVIEWED,
  packFormer,
  packHeader,
  replayTopic,
  unpackHeader,
} from '@quadrille/record';
import { previewCodec } from '@quadrille/station';
import {
  assertBalanced,
  committed,
  drained,
  type FlowFixture,
  guardAgainstLeaks,
  noServers,
  parts,
  records,
  type SeenRecord,
  startStation,
  until,
} from '../harness/index.ts';
import { say } from './orders.ts';
import { encoded, type Fed, feedItems, sampleFlow } from './sample.ts';

guardAgainstLeaks();

const DEAD = 'dlq.FLOW.in';
const AGAIN = 'replay.FLOW.judge';

interface Again {
  revision?: number;
  preview?: boolean;
  headers?: Record<string, Buffer>;
}

/** A record as the replay service sends it: headers of the dead letter, packed header with a new revision. */
async function sendAgain(fixture: FlowFixture, sent: { fed: Fed; letter?: SeenRecord; as?: Again }[]): Promise<void> {
  const messages = sent.map(({ fed, letter, as = {} }) => {
    const id = String(fed.key);
    const envelope = {
      id,
      version: 0n,
      revision: as.revision ?? 1,
      extractedAt: Date.now(),
      from: undefined,
      replay: `${fixture.name}-1`,
      ...(as.preview === true ? { preview: true } : {}),
    };
    const headers = { ...letter?.headers, ...as.headers, [HEADER]: packHeader(envelope, true) };
    return { ...fed, partition: letter?.partition ?? 0, headers };
  });
  await fixture.clients.producer.send({
    topic: fixture.text(AGAIN),
    acks: -1,
    messages: messages.map(({ key, value, partition, headers }) => ({
      key: key ?? null,
      value,
      partition,
      headers,
      timestamp: String(Date.now()),
    })),
  });
}

const judged = (fixture: FlowFixture, count: number) =>
  until(`${count} replayed records judged`, async () => {
    const own = (await parts(fixture, 'judge')).filter(({ topic }) => topic === fixture.text(AGAIN));
    return own.reduce((sum, { pass, drop, reject }) => sum + pass + drop + reject, 0) >= count;
  });

const idsOf = (seen: SeenRecord[]) =>
  seen.map(({ key, value, headers }) => {
    const { id, revision } = unpackHeader(headers[HEADER]!, key);
    return `${id}@${revision}${value === null ? ' deleted' : ''}`;
  });

test('a replayed record is judged by its station alone: passes, is dropped, or fails again with headers replaced', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow();
  await feedItems(flow, 'FLOW.in', [
    { id: 'a', does: 'reject' },
    { id: 'b', does: 'reject' },
    { id: 'c', does: 'reject' },
  ]);
  await using _station = await startStation(flow, 'judge');
  await drained(flow, 'judge');
  const letters = await records(flow, DEAD);
  const letterOf = (id: string) => letters.find(({ key }) => key?.toString() === id)!;
  const [a, b, c] = await encoded(flow, 'FLOW.in', [
    { id: 'a', does: 'pass' },
    { id: 'b', does: 'drop' },
    { id: 'c', does: 'throw' },
  ]);
  await sendAgain(flow, [
    { fed: a!, letter: letterOf('a') },
    { fed: b!, letter: letterOf('b') },
    { fed: c!, letter: letterOf('c') },
  ]);
  await judged(flow, 3);

  assert.deepEqual(idsOf(await records(flow, 'FLOW.out')), ['a@1']);
  const again = (await records(flow, DEAD)).filter(
    ({ headers }) => headers['__dlq.errors.delivery.count']?.toString() === '2',
  );
  assert.equal(again.length, 1);
  const text = (name: string) => again[0]!.headers[name]?.toString();
  assert.equal(text('quadrille.fault.code'), 'RULE_THREW');
  assert.equal(text('__dlq.errors.topic'), flow.text('FLOW.in'), 'the original position, not the replay’s');
  assert.equal(text('__dlq.errors.offset'), letterOf('c').headers['__dlq.errors.offset']?.toString());
  assert.equal(text('quadrille.fault.field'), undefined, 'replaced, not grown');

  await until(
    'the replays are counted by themselves',
    async () => (await assertBalanced(flow)).stations.judge!.replays.received === 3,
  );
  const { stations, edges } = await assertBalanced(flow);
  const { received, rejected, replays } = stations.judge!;
  assert.deepEqual({ received, rejected }, { received: 3, rejected: 3 });
  assert.deepEqual(replays, { received: 3, passed: 1, dropped: 1, rejected: 1, previewed: 0, inFlight: 0 });
  const edge = edges.find(({ topic }) => topic === replayTopic(flow.name, 'judge'))!;
  assert.deepEqual([edge.claimed, edge.verdicts], [3, 3]);
});

test('a dry run is reported, and nothing of it goes on', { skip: noServers }, async () => {
  await using flow = await sampleFlow();
  await using _station = await startStation(flow, 'judge');
  const items = ['pass', 'drop', 'reject', 'many'].map((does, n) => ({ id: `p${n}`, does }));
  const fed = await encoded(flow, 'FLOW.in', items);
  // One that is no dry run stands in their midst.
  const [real] = await encoded(flow, 'FLOW.in', [{ id: 'real' }]);
  await sendAgain(flow, [
    ...fed.slice(0, 2).map((each) => ({ fed: each, as: { preview: true } })),
    { fed: real! },
    ...fed.slice(2).map((each) => ({ fed: each, as: { preview: true } })),
  ]);
  await judged(flow, 5);

  assert.deepEqual(idsOf(await records(flow, 'FLOW.out')), ['real@1']);
  assert.deepEqual(await records(flow, DEAD), []);
  const previews = (await records(flow, PREVIEW_TOPIC))
    .map(({ value }) => previewCodec.decode(value, ''))
    .filter((each) => each.flow === flow.name);
  assert.deepEqual(
    previews.map(({ offset, verdict, code, field, outputs }) => [offset, verdict, code, field, outputs.length]),
    [
      [0, 'pass', null, null, 1],
      [1, 'drop', 'NOT_WANTED', null, 0],
      [3, 'reject', 'TOO_BAD', 'n', 0],
      [4, 'pass', null, null, 2],
    ],
  );
  const runs = (await parts(flow, 'judge')).flatMap((part) => part.runs);
  assert.ok(runs.every(({ code }) => code === PREVIEWED));
  await until(
    'dry runs are counted by themselves',
    async () => (await assertBalanced(flow)).stations.judge!.replays.previewed === 4,
  );
});

test('outputs that stood before and are not made again get tombstones, of the new revision, in their partition', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow();
  await using _station = await startStation(flow, 'judge');
  const [one, none, bad] = await encoded(flow, 'FLOW.in', [
    { id: 'x', does: 'pass' },
    { id: 'y', does: 'drop' },
    { id: 'z', does: 'reject' },
  ]);
  const former = (...ids: string[]) => ({
    [FORMER_HEADER]: packFormer(
      ids.map((id) => ({ topic: flow.text('FLOW.out'), partition: 1, key: Buffer.from(id), id })),
    ),
  });
  await sendAgain(flow, [
    { fed: one!, as: { revision: 3, headers: former('x', 'x/0', 'x/1') } },
    { fed: none!, as: { revision: 3, headers: former('y') } },
    { fed: bad!, as: { revision: 3, headers: former('z') } },
  ]);
  await judged(flow, 3);
  assert.deepEqual(idsOf(await records(flow, 'FLOW.out')).sort(), [
    'x/0@3 deleted',
    'x/1@3 deleted',
    'x@3',
    'y@3 deleted',
  ]);
  const deleted = (await records(flow, 'FLOW.out')).filter(({ value }) => value === null);
  assert.ok(deleted.every(({ partition }) => partition === 1));
  assert.equal(
    (await records(flow, DEAD))[0]!.headers[FORMER_HEADER]?.toString(),
    former('z')[FORMER_HEADER]!.toString(),
    'kept for when it is replayed',
  );
  await until('balanced', async () => (await assertBalanced(flow)).stations.judge!.replays.received === 3);
});

test('a paused station still takes replays, and its line does not count them', { skip: noServers }, async () => {
  await using flow = await sampleFlow(`
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true }, FLOW.out: { partitions: 2 } }
stations:
  judge:
    transformer: rules/steer.ts
    from: FLOW.in
    to: FLOW.out
    stopTheLine: { rejects: 2, of: 5 }
`);
  await using station = await startStation(flow, 'judge');
  await say(flow, { kind: 'pause', station: 'judge' });
  await station.until(({ state }) => state === 'paused');
  const bad = await encoded(
    flow,
    'FLOW.in',
    Array.from({ length: 10 }, (_, n) => ({ id: `b${n}`, does: 'reject' })),
  );
  await feedItems(flow, 'FLOW.in', [{ id: 'waits' }]);
  await sendAgain(
    flow,
    bad.map((fed) => ({ fed })),
  );
  await judged(flow, 10);
  assert.equal((await records(flow, DEAD)).length, 10);
  assert.ok(
    (await committed(flow, 'judge')).every(({ offset }) => (offset ?? 0) === 0),
    'its input waits',
  );
  assert.equal(station.status?.state, 'paused');
  await say(flow, { kind: 'resume', station: 'judge' });
  await drained(flow, 'judge');
  // Ten rejects of replays have not stopped the line.
  await station.until(({ state }) => state === 'running');
});
