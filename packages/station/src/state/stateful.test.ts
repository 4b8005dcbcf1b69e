import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Field, planStateful, type StatefulSpec, statefulOf, WindowRow } from '@quadrille/flow';
import { Drop, Fault, InputRecord, packHeader, type Routed, type RuleResult, reject, to } from '@quadrille/record';
import { stateCodec } from '../own-topics.ts';
import { type Outgoing, type Round, Slice } from '../round.ts';
import { chosen } from './restore.ts';
import { Stateful } from './stateful.ts';

stateCodec.id = 1;

const field = (name: string, kind: Field['kind'], nullable = false): Field => ({
  name,
  doc: '',
  kind,
  nullable,
  bigint: false,
  sensitive: false,
  default: undefined,
  schema: kind,
});
const INPUT = [
  field('who', 'string'),
  field('at', 'timestamp-millis'),
  field('n', 'long', true),
  field('pay', 'string'),
];
const OUTPUT = [
  field('who', 'string'),
  field('from', 'timestamp-millis'),
  field('count', 'long'),
  field('sum', 'long', true),
  field('least', 'long', true),
  field('mean', 'double', true),
];
const SPEC = statefulOf([
  { dedupe: { by: 'pay', within: '40ms', time: 'at' } },
  {
    window: {
      by: ['who'],
      time: 'at',
      every: '10ms',
      lateness: '5ms',
      start: 'from',
      take: { count: 'count', sum: { sum: 'n' }, least: { min: 'n' }, mean: { avg: 'n' } },
    },
  },
]) as StatefulSpec;

type Value = Record<string, unknown>;
type Result = RuleResult<Value | Routed<Value> | WindowRow>;
const record = (offset: number, value: Value): InputRecord & { value: Value } =>
  Object.assign(
    new InputRecord(
      'in',
      0,
      offset,
      1_000,
      Buffer.from(`k${offset}`),
      Buffer.of(1),
      packHeader({ id: `k${offset}`, version: 1n, revision: 0, extractedAt: 0, from: undefined }, true),
      undefined,
    ),
    { value },
  );

/** A compacted topic that keeps nothing but the newest of each key, and the position with its session. */
class Topic {
  readonly standing = new Map<string, { offset: number; body: string }>();
  session: string | undefined;
  committed = 0;
  station(spec = SPEC, input = INPUT): Stateful {
    return new Stateful({
      topic: 'in',
      plan: planStateful(spec, input, OUTPUT),
      partitions: 1,
      encode: (entry) => stateCodec.encode(entry),
      verify: ({ who }) => {
        if (typeof who !== 'string') throw new Fault('ENCODE_FAILED', '`who`');
      },
      restore: async (partition, offset, session) =>
        session === undefined ? { entries: [], stale: [] } : chosen(this.standing, partition, offset, session),
    });
  }
  send(messages: readonly Outgoing[]): void {
    for (const { key, value } of messages) {
      const name = key!.toString();
      if (value === null) this.standing.delete(name);
      else this.standing.set(name, stateCodec.decode(value, ''));
    }
  }
  commit(slice: Slice): void {
    this.committed = slice.to;
    this.session = slice.session;
  }
}

interface Judged {
  slice: Slice;
  told: string[];
}

async function judge(
  station: Stateful,
  from: number,
  records: readonly (InputRecord & { value: Value })[],
  {
    epoch = 1,
    session,
    bad = () => false,
  }: { epoch?: number; session?: string | undefined; bad?: (offset: number) => boolean } = {},
): Promise<Judged> {
  const slice = new Slice('in', 0, from, [...records], false);
  slice.sessionBefore = session;
  const round: Round = { epoch, slices: [slice], records: records.length, startedAt: 0 };
  const told: string[] = [];
  const alive = {
    slices: records.map(() => 0),
    indexes: records.map((_, i) => i),
    values: records.map(({ value }) => value),
  };
  await station.prepare(round);
  station.take(
    round,
    alive,
    records.map(({ value }) => ({ ...value })),
    (i, result: Result) => {
      const { offset } = records[i]!;
      if (bad(offset)) slice.reject(i, reject('BAD', ''));
      else if (result instanceof Drop) slice.drop(i, result.code);
      else if (result instanceof Fault) slice.reject(i, result);
      else slice.pass(i);
      told.push(`${offset} ${slice.verdicts[i] === 3 ? 'reject' : tell(result)}`);
    },
  );
  return { slice, told };
}

const tell = (result: Result): string => {
  if (result instanceof Drop) return result.code;
  if (result instanceof Fault) return `${result.code} ${result.field ?? ''}`;
  return [result]
    .flat()
    .map((each) => (each instanceof WindowRow ? `${each.id} ${each.version} ${JSON.stringify(each.value)}` : 'passed'))
    .join('; ');
};

const seeded = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

test('a window tells what its records hold when it closes; duplicates and late ones are dropped', async () => {
  const values: Value[] = [
    { who: 'a', at: 1, n: 5, pay: 'p1' },
    { who: 'a', at: 9, n: 2, pay: 'p2' },
    { who: 'a', at: 9, n: 2, pay: 'p2' },
    { who: 'b/c', at: 12, n: null, pay: 'p3' },
    { who: 'a', at: 4, n: 1, pay: 'p4' },
    { who: 'a', at: 15, n: 3, pay: 'p5' },
    { who: 'a', at: 8, n: 9, pay: 'p6' },
    { who: 'a', at: 60, n: 0, pay: 'p2' },
    { who: 'a', at: null, n: 0, pay: 'p7' },
    { who: 'a', at: 90_000_000_000, n: 0, pay: 'p8' },
  ];
  const { told, slice } = await judge(
    new Topic().station(),
    0,
    values.map((value, i) => record(i, value)),
  );
  assert.deepEqual(told, [
    '0 ',
    '1 ',
    '2 DUPLICATE',
    '3 ',
    '4 ',
    '5 a/1970-01-01T00:00:00Z 10 {"who":"a","from":0,"count":3,"sum":8,"least":1,"mean":2.6666666666666665}',
    '6 WINDOW_LATE',
    '7 a/1970-01-01T00:00:00.010Z 20 {"who":"a","from":10,"count":1,"sum":3,"least":3,"mean":3}; ' +
      'b%2Fc/1970-01-01T00:00:00.010Z 20 {"who":"b/c","from":10,"count":1,"sum":null,"least":null,"mean":null}',
    '8 reject',
    '9 reject',
  ]);
  assert.deepEqual(
    [...slice.reasons.values()].map((reason) => (reason instanceof Fault ? reason.code : reason)),
    ['DUPLICATE', 'WINDOW_LATE', 'FIELD_MISSING', 'EVENT_TIME_AHEAD'],
  );
});

let deaths = 0;
for (let seed = 1; seed <= 60; seed++)
  test(`killed, frozen and cut anywhere, with nothing kept by the topic but the newest of each key: as undisturbed (seed ${seed})`, async () => {
    const random = seeded(seed * 7_919);
    const pick = (n: number): number => Math.floor(random() * n);
    let clock = 0;
    const records = Array.from({ length: 150 }, (_, i) => {
      clock += pick(4);
      const at = Math.max(0, clock - (random() < 0.3 ? pick(20) : 0));
      return record(i, { who: `w${pick(4)}`, at, n: random() < 0.1 ? null : pick(100), pay: `p${pick(60)}` });
    });
    const isBad = new Set(Array.from({ length: 8 }, () => pick(150)));
    const bad = (offset: number): boolean => isBad.has(offset);
    const undisturbed = (await judge(new Topic().station(), 0, records, { bad })).told;

    const topic = new Topic();
    const told: string[] = [];
    let station = topic.station();
    let epoch = 1;
    let late: (() => void) | undefined;
    // One round is judged while the one before settles.
    let open: Judged[] = [];
    let stopped = false;
    while (topic.committed < records.length) {
      const next = open.at(-1)?.slice.to ?? topic.committed;
      if (open.length === 0 || (open.length === 1 && !stopped && next < records.length && random() < 0.4)) {
        const judged = await judge(station, next, records.slice(next, next + 1 + pick(25)), {
          epoch,
          session: topic.session,
          bad,
        });
        // The line stops: a prefix is settled before anything else is judged, the rest comes again.
        stopped = random() < 0.15;
        if (stopped) judged.told.length = Math.min(judged.told.length, pick(judged.told.length + 1));
        judged.slice.cut(judged.told.length);
        if (judged.told.length > 0) open.push(judged);
        continue;
      }
      const [{ slice, told: verdicts }] = open as [Judged];
      const fate = random();
      if (fate < 0.25) {
        // Killed, or frozen: what it sends arrives at once, never, or when another has long gone on.
        if (fate < 0.1) topic.send(slice.state);
        else if (fate < 0.18) late ??= () => topic.send(slice.state);
        station = topic.station();
        open = [];
        deaths++;
        continue;
      }
      topic.send(slice.state);
      if (fate < 0.3) {
        // It loses the partition before its commit, and gets it back.
        epoch++;
        open = [];
        continue;
      }
      topic.commit(slice);
      told.push(...verdicts);
      open.shift();
      if (random() < 0.2) {
        late?.();
        late = undefined;
      }
    }
    assert.deepEqual(told, undisturbed);
    const live = [...topic.standing.keys()].filter((key) => key.includes(topic.session!));
    assert.ok(live.length < 2 * 75, 'what is over is taken away');
  });

test('the seeds have killed', () => assert.ok(deaths > 100, String(deaths)));

test('a replayed record is refused where it would join the state, not where the rules have sent it elsewhere', async () => {
  const station = new Topic().station();
  const slice = new Slice('replay.f.s', 0, 0, [record(0, {}), record(1, {}), record(2, {})], false);
  const results = [{ who: 'a' }, to('aside', {}), new Drop('GONE')];
  const round = { epoch: 0, slices: [slice], records: 3, startedAt: 0 };
  await station.prepare(round);
  const told: string[] = [];
  const alive = { slices: [0, 0, 0], indexes: [0, 1, 2], values: [{}, {}, {}] };
  station.take(
    round,
    alive,
    results,
    (_, result) => void told.push(result instanceof Fault ? result.code : result.constructor.name),
  );
  assert.deepEqual(told, ['STATEFUL_REPLAY', 'Routed', 'Drop']);
  assert.equal(slice.state.length, 0);
});

test('too many keys: the round waits, and nothing of it is taken in', async () => {
  const spec = statefulOf([{ window: { by: ['who'], time: 'at', every: '10ms', take: { count: 'count' }, keys: 2 } }])!;
  const topic = new Topic();
  const station = topic.station(spec);
  const many = ['a', 'b', 'c'].map((who, i) => record(i, { who, at: i, n: 1, pay: '' }));
  await assert.rejects(
    judge(station, 0, many),
    (error) => error instanceof Fault && error.code === 'STATE_FULL' && error.class === 'dependency',
  );
  const { told } = await judge(station, 0, [
    many[0]!,
    record(1, { who: 'a', at: 1, n: 1, pay: '' }),
    record(2, { who: 'b', at: 70, n: 1, pay: '' }),
  ]);
  assert.match(told[2]!, /"count":2/);
});

test('state that was kept of another declaration is not gone on with', async () => {
  const topic = new Topic();
  const { slice } = await judge(topic.station(), 0, [record(0, { who: 'a', at: 1, n: 1, pay: 'p' })]);
  topic.send(slice.state);
  topic.commit(slice);
  const other = statefulOf([{ window: { by: ['who'], time: 'at', every: '20ms', take: { count: 'count' } } }])!;
  const next = [record(1, { who: 'a', at: 2, n: 1, pay: 'q' })];
  const changed = (error: unknown): boolean => error instanceof Fault && error.code === 'STATE_CHANGED';
  await assert.rejects(judge(topic.station(other), 1, next, { session: topic.session }), changed);
  await judge(topic.station(), 1, next, { session: topic.session });
});

test('what could not be sent, and a key that cannot be read, is the fault of the record that brings it; nothing of it is kept', async () => {
  const wrong = [
    record(0, { who: 'a', at: 1, n: 1, pay: 'p' }),
    record(1, { who: 7, at: 2, n: 1, pay: 'q' }),
    record(2, { who: 'a', at: 3, n: 'no number', pay: 'r' }),
    record(3, { who: 'a', at: Number.NaN, n: 1, pay: 's' }),
    record(4, { who: 'x'.repeat(2_000), at: 4, n: 1, pay: 't' }),
    record(5, { who: 'a', at: 70, n: 1, pay: 'r' }),
  ];
  const { told, slice } = await judge(new Topic().station(), 0, wrong);
  assert.deepEqual(
    [...slice.reasons.values()].map((fault) => (fault instanceof Fault ? fault.code : fault)),
    ['ENCODE_FAILED', 'FIELD_INVALID', 'FIELD_INVALID', 'ID_INVALID'],
  );
  assert.match(told[5]!, /^5 a\/1970-01-01T00:00:00Z 10 .*"count":1/);
});
