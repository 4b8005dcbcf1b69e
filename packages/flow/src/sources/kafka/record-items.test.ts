import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { fieldsOf } from '../../avro/field.ts';
import { typeOf } from '../../avro/type.ts';
import type { RawItem } from '../../source.ts';
import { type RecordFormat, RecordItems } from './record-items.ts';

const OURS = fieldsOf({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'big', type: ['null', { type: 'long', longs: 'bigint' }], default: null },
    { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }], default: null },
    { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
    {
      name: 'price',
      type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 }],
      default: null,
    },
  ],
});
const DAY = { type: 'int', 'connect.name': 'io.debezium.time.Date' };
const MICROS = { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' };
const ROW = {
  type: 'record',
  name: 'Value',
  namespace: 'shop.public.orders',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'big', type: ['null', 'long'] },
    { name: 'day', type: ['null', DAY] },
    { name: 'at', type: ['null', MICROS] },
    { name: 'price', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 }] },
    { name: 'unknown', type: 'string' },
  ],
};
const KEY = { type: 'record', name: 'Key', fields: [{ name: 'id', type: 'long' }] };
const SOURCE = {
  type: 'record',
  name: 'Source',
  fields: [
    { name: 'connector', type: 'string' },
    { name: 'ts_ms', type: 'long' },
    { name: 'lsn', type: ['null', 'long'] },
  ],
};
const ENVELOPE = {
  type: 'record',
  name: 'Envelope',
  fields: [
    { name: 'before', type: ['null', ROW] },
    { name: 'after', type: ['null', 'shop.public.orders.Value'] },
    { name: 'source', type: SOURCE },
    { name: 'op', type: 'string' },
  ],
};
const SCHEMAS: Record<number, object> = { 1: ROW, 2: KEY, 3: ENVELOPE, 4: { type: 'nothing' } };
// The same bytes, for numbers beyond 2^53.
const exactly = (schema: object): object =>
  JSON.parse(
    JSON.stringify(schema).replace(
      '"big","type":["null","long"]',
      '"big","type":["null",{"type":"long","longs":"bigint"}]',
    ),
  );
const writers = Object.fromEntries([1, 2, 3].map((id) => [id, typeOf(exactly(SCHEMAS[id] as object))]));
const fetch = async (id: number): Promise<unknown> => {
  if (SCHEMAS[id] === undefined) throw new Fault('SCHEMA_UNKNOWN', `id ${id}`);
  return SCHEMAS[id];
};

const wire = (id: number, value: unknown): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, writers[id]!.toBuffer(value)]);
};
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

async function itemOf(config: RecordFormat, key: Buffer | null, value: Buffer | null): Promise<RawItem | undefined> {
  const items = new RecordItems(config, OURS, fetch);
  const record = { offset: 7, key, value };
  await items.prepare([record]);
  return items.item(record, 'orders-0@7');
}
const code = (item: RawItem | undefined): unknown => item !== undefined && 'fault' in item && item.fault.code;

const row = {
  id: 5,
  big: 9_223_372_036_854_775_807n,
  day: 15_706,
  at: 1_357_000_000_123_000,
  price: '12.34',
  unknown: 'x',
};
const READ = { id: 5, big: 9_223_372_036_854_775_807n, day: '2013-01-01', at: 1_357_000_000_123, price: '12.34' };

test('Avro of another registry: values mean what our fields mean; id is the key, version the offset', async () => {
  const item = await itemOf({}, Buffer.from('k-5'), wire(1, row));
  assert.deepEqual(item, { place: 'orders-0@7', id: 'k-5', version: 7, fields: { ...READ, unknown: 'x' } });
});

test('a value that is finer than its field is refused, not rounded', async () => {
  const item = await itemOf({}, null, wire(1, { ...row, at: 1_357_000_000_123_456 }));
  assert.equal(code(item), 'FIELD_INVALID');
});

test('what cannot be read is a fault with the bytes as they came', async () => {
  const bad: [RecordFormat, Buffer | null, Buffer, string][] = [
    [{}, null, Buffer.from([0, 0, 0, 0, 9, 1]), 'SCHEMA_UNKNOWN'],
    [{}, null, Buffer.from([0, 0, 0, 0, 4, 1]), 'DECODE_FAILED'],
    [{}, null, Buffer.from('{"id":5}'), 'WIRE_FORMAT'],
    [{}, null, wire(1, row).subarray(0, 9), 'DECODE_FAILED'],
    [{}, Buffer.from([0xff]), wire(1, row), 'TEXT_INVALID'],
    [{ keys: 'avro' }, Buffer.from('5'), wire(1, row), 'WIRE_FORMAT'],
    [{ format: 'json' }, null, Buffer.from('{"id":'), 'ROW_MALFORMED'],
    [{ format: 'json' }, null, json([1]), 'ROW_MALFORMED'],
    [{ format: 'json' }, null, Buffer.from([0x7b, 0xff]), 'TEXT_INVALID'],
    [{ format: 'json', envelope: 'debezium' }, null, json({ id: 5 }), 'ROW_MALFORMED'],
    [{ format: 'json', envelope: 'debezium' }, null, json({ op: 't', source: {} }), 'ROW_MALFORMED'],
    [{ format: 'json', envelope: 'debezium' }, null, json({ op: 'c', after: 'x', source: {} }), 'ROW_MALFORMED'],
    [
      { format: 'json', envelope: 'debezium' },
      null,
      json({ op: 'c', after: {}, source: { connector: 'postgresql', ts_ms: 1 } }),
      'VERSION_INVALID',
    ],
  ];
  for (const [config, key, value, wanted] of bad) {
    const item = await itemOf(config, key, value);
    assert.equal(code(item), wanted, JSON.stringify(config));
    assert.ok(item !== undefined && 'bytes' in item && item.bytes === value);
    assert.equal(item.place, 'orders-0@7');
  }
});

test('Debezium in Avro: rows of inserts and updates, deletions with key and former row, no tombstones after', async () => {
  const config = { envelope: 'debezium' } as const;
  const source = { connector: 'postgresql', ts_ms: 1, lsn: 33_811_216 };
  for (const op of ['c', 'r', 'u']) {
    const item = await itemOf(config, wire(2, { id: 5 }), wire(3, { before: null, after: row, source, op }));
    const fields = { ...READ, unknown: 'x' };
    assert.deepEqual(item, { place: 'orders-0@7', id: '5', version: 33_811_216, fields, deleted: false });
  }
  const event = { before: { ...row, big: null }, after: null, source, op: 'd' };
  const gone = await itemOf(config, wire(2, { id: 5 }), wire(3, event));
  assert.ok(gone !== undefined && 'deleted' in gone && gone.deleted);
  assert.deepEqual(gone.fields, { ...READ, big: null, unknown: 'x' });
  assert.equal(await itemOf(config, wire(2, { id: 5 }), null), undefined);
});

test('Debezium in JSON, with its schema beside it and without: numbers exact, days as days, times of other connectors', async () => {
  const config = { format: 'json', envelope: 'debezium' } as const;
  const text = `{"op":"u","after":{"id":5,"big":9223372036854775807,"day":15706,"price":"12.34"},"source":{"connector":"mysql","ts_ms":1357000000123}}`;
  const fields = { id: 5, big: '9223372036854775807', day: '2013-01-01', price: '12.34' };
  const wanted = { place: 'orders-0@7', id: '5/a', version: 1_357_000_000_123, fields, deleted: false };
  assert.deepEqual(await itemOf(config, json({ id: 5, line: 'a' }), Buffer.from(text)), wanted);
  const wrapped = Buffer.from(`{"schema":{"type":"struct"},"payload":${text}}`);
  const key = json({ schema: { type: 'struct' }, payload: { id: 5, line: 'a' } });
  assert.deepEqual(await itemOf(config, key, wrapped), wanted);
  const gone = await itemOf(config, json({ id: 5 }), json({ op: 'd', before: null, source: { ts_ms: 3 } }));
  assert.deepEqual(gone, { place: 'orders-0@7', id: '5', version: 3, fields: { id: 5 }, deleted: true });
});

test('without envelope a null value is a deletion; keys may be numbers, objects, or not meant', async () => {
  const deletion = { place: 'orders-0@7', version: 7, fields: {}, deleted: true };
  assert.deepEqual(await itemOf({}, Buffer.from('k'), null), { ...deletion, id: 'k' });
  assert.deepEqual(await itemOf({ keys: 'json' }, Buffer.from('12'), null), { ...deletion, id: '12' });
  assert.deepEqual(await itemOf({ keys: 'avro' }, wire(2, { id: 5 }), null), {
    ...deletion,
    id: '5',
    fields: { id: 5 },
  });
  assert.deepEqual(await itemOf({ keys: 'none' }, Buffer.from('k'), null), deletion);
  const confluent = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), json({ id: 5 })]);
  const item = await itemOf({ format: 'json' }, null, confluent);
  assert.deepEqual(item, { place: 'orders-0@7', version: 7, fields: { id: 5 } });
});

test('what cannot be read keeps the id of its key, for when it is corrected', async () => {
  const item = await itemOf({ format: 'json' }, Buffer.from('k-5'), Buffer.from('{'));
  assert.deepEqual([code(item), item?.id, item?.version], ['ROW_MALFORMED', 'k-5', 7]);
});

test('a schema that was not known is asked for again', async () => {
  let known = false;
  const items = new RecordItems({}, OURS, async (id) => {
    if (!known) throw new Fault('SCHEMA_UNKNOWN', `id ${id}`);
    return ROW;
  });
  const record = { offset: 7, key: null, value: wire(1, row) };
  await items.prepare([record]);
  assert.equal(code(items.item(record, 'a')), 'SCHEMA_UNKNOWN');
  known = true;
  await items.prepare([record]);
  assert.equal(code(items.item(record, 'a')), false);
});
