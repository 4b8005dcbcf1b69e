import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { AnswerRow, Asked, AskedLookupConfig } from '../lookup.ts';
import { field } from '../rules/fields.fixture.ts';
import { parseExactly } from './asked.ts';
import { type Leg, openLookups } from './index.ts';

type Row = Record<string, unknown>;

const RECORD: Field[] = [
  field('id', 'string'),
  field('area', 'int'),
  field('score', 'decimal', { precision: 6, scale: 2 }),
  field('at', 'timestamp-millis'),
  field('title', 'string'),
];

/** Somebody to ask, with what was asked. */
class Somebody implements Asked {
  readonly asked: Row[][] = [];
  rows: Record<string, AnswerRow | Fault> = {};
  down = false;

  async open(): Promise<void> {}

  async ask(keys: readonly Row[]): Promise<(AnswerRow | Fault | undefined)[]> {
    this.asked.push([...keys]);
    if (this.down) throw new Fault('LOOKUP_UNAVAILABLE', 'down');
    return keys.map((key) => this.rows[Object.values(key).join('/')]);
  }

  async close(): Promise<void> {}
}

const config = (more: Partial<AskedLookupConfig> = {}): AskedLookupConfig & { name: string } => ({
  name: 'rating',
  type: 'test',
  config: {},
  on: { key: 'id' },
  take: { score: 'score', at: 'at' },
  missing: 'null',
  ...more,
  cache: { seconds: 60, missingSeconds: 60, rows: 100, staleWhileError: 0, ...more.cache },
});

function opened(lookup: ReturnType<typeof config>): {
  somebody: Somebody;
  leg: Leg;
  join(rows: Row[]): Promise<unknown[]>;
} {
  const somebody = new Somebody();
  const { legs } = openLookups([lookup], { record: RECORD, fieldsOf: () => [], sql: false, asked: () => somebody });
  const leg = legs[0] as Leg;
  return {
    somebody,
    leg,
    join: async (rows) => {
      await leg.asked?.prepare(rows);
      return rows.map((row) => leg.join(row));
    },
  };
}

test('a round asks once for the keys that are not remembered; values get the types of their fields, exactly', async () => {
  const { somebody, leg, join } = opened(config());
  somebody.rows = {
    a: parseExactly('{"score": 1234.50, "at": "2013-01-01T10:00:00+00:00", "other": 1}') as AnswerRow,
    b: { score: '7', at: null },
  };
  const first = await join([{ id: 'a' }, { id: 'b' }, { id: 'a' }, { id: 'c' }, { id: null }]);
  const at = Date.UTC(2013, 0, 1, 10);
  assert.deepEqual(first, [
    { id: 'a', score: '1234.50', at },
    { id: 'b', score: '7', at: null },
    { id: 'a', score: '1234.50', at },
    { id: 'c', score: null, at: null },
    { id: null, score: null, at: null },
  ]);
  assert.deepEqual(somebody.asked, [[{ key: 'a' }, { key: 'b' }, { key: 'c' }]]);
  await join([{ id: 'c' }, { id: 'a' }, { id: 'd' }]);
  assert.deepEqual(somebody.asked[1], [{ key: 'd' }], 'also that there is none is remembered');
  leg.asked?.forget();
  await join([{ id: 'a' }]);
  assert.deepEqual(somebody.asked[2], [{ key: 'a' }]);
  assert.deepEqual({ ...leg.asked?.figures, waitedMs: 0 }, { hits: 2, misses: 5, stale: 0, waitedMs: 0 });
});

test('what cannot be used is a fault of the records that need it alone', async () => {
  const { somebody, join } = opened(config({ missing: 'reject' }));
  somebody.rows = { a: { score: 'many' }, b: new Fault('LOOKUP_INVALID', 'two rows'), c: { score: '1.00', at: null } };
  const [a, b, c, d] = await join([{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' }]);
  for (const [result, code] of [
    [a, 'LOOKUP_INVALID'],
    [b, 'LOOKUP_INVALID'],
    [d, 'LOOKUP_MISSING'],
  ] as const) {
    assert.ok(result instanceof Fault && result.code === code && result.class === 'lookup', code);
  }
  assert.doesNotMatch((a as Fault).message, /many/);
  assert.equal((a as Fault).field, 'id');
  assert.equal((c as Row).score, '1.00');
});

test('answers end with their time and with the room for them; a round needs no more room than it has', async () => {
  const { somebody, join } = opened(config({ cache: { seconds: 60, missingSeconds: 0, rows: 2, staleWhileError: 0 } }));
  somebody.rows = { a: { score: '1' }, b: { score: '2' }, c: { score: '3' } };
  const rows = await join([{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'no' }]);
  assert.deepEqual(
    rows.map((row) => (row as Row).score),
    ['1', '2', '3', null],
  );
  await join([{ id: 'no' }, { id: 'c' }, { id: 'a' }]);
  assert.deepEqual(somebody.asked[1], [{ key: 'no' }, { key: 'a' }], 'the oldest were forgotten');
});

test('nobody answers: the round waits, unless old answers are good enough for all of it', async () => {
  for (const staleWhileError of [0, 60]) {
    const { somebody, leg, join } = opened(
      config({ cache: { seconds: 0, missingSeconds: 0, rows: 9, staleWhileError } }),
    );
    somebody.rows = { a: { score: '1' } };
    await join([{ id: 'a' }]);
    somebody.down = true;
    const unavailable = { code: 'LOOKUP_UNAVAILABLE', class: 'dependency' };
    await assert.rejects(join([{ id: 'a' }, { id: 'b' }]), unavailable);
    if (staleWhileError === 0) await assert.rejects(join([{ id: 'a' }]), unavailable);
    else {
      assert.equal(((await join([{ id: 'a' }]))[0] as Row).score, '1');
      assert.equal(leg.asked?.figures.stale, 1);
    }
  }
});

test('several fields; a later lookup is asked with what an earlier one gave', async () => {
  const somebody = new Somebody();
  somebody.rows = { 'x/7': { score: '5', at: null }, '5': { title: 'fair' } };
  const lookups = [
    config({ on: { key: 'id', area: 'area' } }),
    config({ on: { score: 'score' }, take: { title: 'title' } }),
  ];
  const { legs } = openLookups(lookups, { record: RECORD, fieldsOf: () => [], sql: false, asked: () => somebody });
  const record: Row = { id: 'x', area: 7 };
  for (const { asked, join } of legs) {
    await asked?.prepare([record]);
    join(record);
  }
  assert.deepEqual(record, { id: 'x', area: 7, score: '5', at: null, title: 'fair' });
  assert.deepEqual(somebody.asked, [[{ key: 'x', area: 7 }], [{ score: '5' }]]);
});
