import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, Hold } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { LookupConfig } from '../lookup.ts';
import { field } from '../rules/fields.fixture.ts';
import { loadSqlRule } from '../rules/sql.ts';
import { parseSqlFile } from '../rules/sql-file.ts';
import { type Join, openLookups } from './index.ts';

type Row = Record<string, unknown>;

const TOPICS: Record<string, Field[]> = {
  airports: [field('faa', 'string'), field('name', 'string'), field('lat', 'double'), field('tz', 'int')],
  weather: [
    field('origin', 'string'),
    field('hour', 'timestamp-millis'),
    field('temp', 'double'),
    field('wind', 'double'),
  ],
};
const RECORD = [
  field('dest', 'string'),
  field('origin', 'string'),
  field('at', 'timestamp-micros'),
  field('dest_name', 'string'),
  field('temp', 'double'),
];

const airport = (missing: LookupConfig['missing'], more: Partial<LookupConfig> = {}) => ({
  name: 'airport',
  topic: 'airports',
  on: { faa: 'dest' },
  take: { name: 'dest_name' },
  missing,
  ...more,
});
/** Lookups of topics are one leg. */
const opened = (...given: Parameters<typeof openLookups>): ReturnType<typeof openLookups> & { join: Join } => {
  const lookups = openLookups(...given);
  return { ...lookups, join: lookups.legs[0]!.join };
};
const open = (lookups: Parameters<typeof openLookups>[0], sql = false, record: Field[] = RECORD) =>
  opened(lookups, { record, fieldsOf: (topic) => TOPICS[topic] ?? [], sql });

test('what is found is set on the record itself', () => {
  const { references, join } = open([airport('reject')]);
  references[0]?.apply('JFK', 1n, 0, { faa: 'JFK', name: 'Kennedy', lat: 40, tz: -5 });
  const record: Row = { dest: 'JFK' };
  assert.equal(join(record), record);
  assert.deepEqual(record, { dest: 'JFK', dest_name: 'Kennedy' });
  assert.deepEqual(
    references[0]?.fields.map(({ name }) => name),
    ['faa', 'name'],
  );
});

test('missing: reject names lookup and field, null sets null, hold waits; a null join field counts as missing', () => {
  for (const dest of ['SJU', null, undefined]) {
    const fault = open([airport('reject')]).join({ dest });
    assert.ok(
      fault instanceof Fault && fault.code === 'LOOKUP_MISSING' && fault.field === 'dest' && fault.class === 'lookup',
    );
    assert.match(fault.message, /`airport` has no row for `dest`/);
    assert.doesNotMatch(fault.message, /SJU/);
    assert.deepEqual(open([airport('null')]).join({ dest, dest_name: 'old' }), { dest, dest_name: null });
    const hold = open([airport('hold')]).join({ dest });
    assert.ok(hold instanceof Hold && hold.fault.class === 'dependency');
  }
});

test('only newer versions change a row; a deletion keeps its version', () => {
  const { references, join } = open([airport('null')]);
  const topic = references[0] as (typeof references)[0];
  const name = (): unknown => (join({ dest: 'JFK' }) as Row).dest_name;
  const row = (text: string): Row => ({ faa: 'JFK', name: text });
  topic.apply('JFK', 5n, 0, row('five'));
  topic.apply('JFK', 4n, 9, row('four'));
  topic.apply('JFK', 5n, 0, row('five again'));
  assert.equal(name(), 'five');
  assert.equal(topic.changes, 1);
  topic.apply('JFK', 5n, 1, row('five, corrected'));
  assert.equal(name(), 'five, corrected');
  topic.apply('JFK', 7n, 0, null);
  assert.equal(name(), null);
  assert.equal(topic.size, 0);
  topic.apply('JFK', 6n, 0, row('six'));
  assert.equal(name(), null);
  topic.apply('JFK', 8n, 0, row('eight'));
  assert.equal(name(), 'eight');
  assert.equal(topic.size, 1);
});

test('a changed key moves the row; of several rows with one key the smallest id wins, in whatever order they came', () => {
  for (const ids of [
    ['1', '2', '3'],
    ['3', '1', '2'],
  ]) {
    const { references, join } = open([airport('null')]);
    const topic = references[0] as (typeof references)[0];
    const name = (dest: string): unknown => (join({ dest }) as Row).dest_name;
    for (const id of ids) topic.apply(id, 1n, 0, { faa: 'X', name: `name ${id}` });
    assert.equal(name('X'), 'name 1');
    topic.apply('1', 2n, 0, { faa: 'Y', name: 'moved' });
    assert.deepEqual([name('X'), name('Y')], ['name 2', 'moved']);
    topic.apply('2', 2n, 0, null);
    topic.apply('3', 2n, 0, { faa: null, name: 'nowhere' });
    assert.deepEqual([name('X'), name('Y')], [null, 'moved']);
  }
});

test('several fields, and instants of different units', () => {
  const weather = {
    name: 'weather',
    topic: 'weather',
    on: { origin: 'origin', hour: 'at' },
    take: { temp: 'temp' },
    missing: 'null' as const,
  };
  const { references, join } = open([weather]);
  const hour = Date.UTC(2013, 0, 1, 10);
  references[0]?.apply('EWR/10', 1n, 0, { origin: 'EWR', hour, temp: 3.5 });
  const temp = (origin: string | null, at: number | null): unknown => (join({ origin, at }) as Row).temp;
  assert.equal(temp('EWR', hour * 1000), 3.5);
  for (const [origin, at] of [
    ['EWR', hour],
    ['JFK', hour * 1000],
    [null, hour * 1000],
    ['EWR', null],
  ] as const)
    assert.equal(temp(origin, at), null);
});

test('numbers, big longs and decimals of different scale compare by their value', () => {
  const pairs: [Field, unknown, Field, unknown, boolean][] = [
    [field('k', 'int'), 5, field('v', 'long', { bigint: true }), 5n, true],
    [field('k', 'long', { bigint: true }), 2n ** 60n, field('v', 'long', { bigint: true }), 2n ** 60n, true],
    [field('k', 'decimal', { scale: 2 }), '1.50', field('v', 'decimal', { scale: 4 }), '1.5000', true],
    [field('k', 'decimal', { scale: 0 }), '100', field('v', 'decimal', { scale: 2 }), '100.00', true],
    [field('k', 'string'), '5', field('v', 'int'), 5, false],
    [field('k', 'bytes'), Buffer.from([1, 2]), field('v', 'bytes'), Buffer.from([1, 2]), true],
    [field('k', 'date'), '2013-01-01', field('v', 'date'), '2013-01-01', true],
  ];
  for (const [lookup, theirs, record, ours, found] of pairs) {
    const { references, join } = opened(
      [{ name: 'x', topic: 't', on: { k: 'v' }, take: { k: 'got' }, missing: 'null' }],
      { record: [record], fieldsOf: () => [lookup], sql: false },
    );
    references[0]?.apply('1', 1n, 0, { k: theirs });
    assert.equal((join({ v: ours }) as Row).got !== null, found, `${lookup.kind} and ${record.kind}`);
  }
});

test('lookups on one topic share its rows; a later one may use what an earlier one gave', () => {
  const twin = {
    name: 'twin',
    topic: 'airports',
    on: { name: 'dest_name' },
    take: { tz: 'tz' },
    missing: 'reject' as const,
  };
  const { references, join } = open([airport('reject'), twin]);
  assert.equal(references.length, 1);
  references[0]?.apply('JFK', 1n, 0, { faa: 'JFK', name: 'Kennedy', lat: 40, tz: -5 });
  assert.deepEqual(join({ dest: 'JFK' }), { dest: 'JFK', dest_name: 'Kennedy', tz: -5 });
});

test('a field that the topic lacks is said', () => {
  assert.throws(
    () => open([airport('reject', { take: { nam: 'dest_name' } })]),
    /lookup `airport`: airports has no field `nam`/,
  );
});

test('SQL reads lookups as relations, up to date in every round', async () => {
  const { references, tables } = open([airport('null')], true);
  const sql = parseSqlFile(
    '/f/join.sql',
    '-- doc: x\nselect input.row, airport.name as dest_name from input join airport on airport.faa = input.dest and lat > 0',
  );
  const rule = await loadSqlRule(sql, { fields: RECORD, tables });
  const round = async (): Promise<unknown> => ((await rule.apply([{ dest: 'JFK' }])) as Row[])[0]?.dest_name;
  assert.equal(await round(), undefined);
  references[0]?.apply('JFK', 1n, 0, { faa: 'JFK', name: 'Kennedy', lat: 40, tz: -5 });
  assert.equal(await round(), 'Kennedy');
  references[0]?.apply('JFK', 2n, 0, null);
  assert.equal(await round(), undefined);
  await rule.close();
});
