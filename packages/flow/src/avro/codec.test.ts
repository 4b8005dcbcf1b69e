import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { Decoder, Encoder } from './codec.ts';
import { typeOf } from './type.ts';
import { readBigLong, readLong, writeBigLong, writeLong } from './wire.ts';

const record = (fields: unknown[], name = 'R'): Record<string, unknown> => ({ type: 'record', name, fields });
const field = (name: string, type: unknown, rest: object = {}): unknown => ({ name, type, ...rest });
const faultCode =
  (code: string, pattern = /./) =>
  (error: unknown) =>
    error instanceof Fault && error.code === code && pattern.test(error.message);

/** Encodes with one schema and decodes with another. */
async function pass(value: unknown, writer: unknown, reader = writer): Promise<Record<string, unknown>> {
  const decoder = new Decoder(typeOf(reader), async () => writer);
  await decoder.prepare(3);
  return decoder.decode(new Encoder(typeOf(writer), 3).encode(value));
}

test('longs are exact up to 2^53-1 on both sides of zero, and beyond it a fault', async () => {
  const schema = record([field('n', 'long')]);
  const edges = [
    0,
    -1,
    63,
    64,
    -64,
    -65,
    2 ** 30,
    -(2 ** 30) - 1,
    2 ** 31,
    2 ** 52,
    -(2 ** 52) - 1,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
  ];
  for (const n of edges) assert.equal((await pass({ n }, schema)).n, n);
  const big = record([field('n', { type: 'long', longs: 'bigint' })]);
  for (const n of [2n ** 63n - 1n, -(2n ** 63n), 0n]) assert.equal((await pass({ n }, big)).n, n);
  await assert.rejects(pass({ n: 2n ** 53n }, big, schema), faultCode('DECODE_FAILED', /2\^53-1/));
  await assert.rejects(pass({ n: 2n ** 63n }, big), faultCode('ENCODE_FAILED'));
  await assert.rejects(pass({ n: 1.5 }, schema), faultCode('ENCODE_FAILED', /field `n`/));
});

test('a number and a bigint are written as the same bytes', () => {
  const a = { buf: Buffer.alloc(12), pos: 0 };
  const b = { buf: Buffer.alloc(12), pos: 0 };
  for (let i = 0; i < 20_000; i++) {
    const n = Math.round((Math.random() - 0.5) * 2 ** (1 + (i % 54)));
    a.pos = b.pos = 0;
    writeLong(a, n);
    writeBigLong(b, BigInt(n));
    assert.deepEqual(a.buf.subarray(0, a.pos), b.buf.subarray(0, b.pos));
    a.pos = b.pos = 0;
    assert.equal(BigInt(readLong(a)), readBigLong(b));
  }
});

test('logical types keep every digit', async () => {
  const schema = record([
    field('price', ['null', { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 2 }], { default: null }),
    field('fixed', { type: 'fixed', name: 'F', size: 4, logicalType: 'decimal', precision: 9, scale: 3 }),
    field('day', { type: 'int', logicalType: 'date' }),
    field('at', { type: 'long', logicalType: 'timestamp-millis' }),
    field('exact', ['null', { type: 'long', logicalType: 'timestamp-micros' }]),
    field('far', { type: 'long', logicalType: 'timestamp-micros', longs: 'bigint' }),
    field('uuid', { type: 'string', logicalType: 'uuid' }),
  ]);
  const value = {
    price: '-1234567890123456789012345678.90',
    fixed: '-0.001',
    day: '2024-02-29',
    at: -1,
    exact: 1_357_020_000_123_456,
    far: 253_402_300_799_999_999n,
    uuid: '0d9f8c1e-7b1a-4c35-9b83-0a8a5a2f6f10',
  };
  assert.deepEqual(await pass(value, schema), value);
  for (const [name, bad] of [
    ['price', '0.001'],
    ['price', 12.5],
    ['day', '2023-02-29'],
    ['uuid', 'x'],
    ['fixed', '9999999.999'],
  ]) {
    await assert.rejects(
      pass({ ...value, [name as string]: bad }, schema),
      faultCode('ENCODE_FAILED', new RegExp(`\`${name}\``)),
    );
  }
});

test('a decimal of another scale, or a time in another unit, is not read as ours', async () => {
  const decimal = (scale: number): unknown =>
    record([field('d', { type: 'bytes', logicalType: 'decimal', precision: 9, scale })]);
  await assert.rejects(pass({ d: '1.00' }, decimal(2), decimal(4)), faultCode('DECODE_FAILED', /scale 2/));
  const time = (logicalType: string): unknown => record([field('t', { type: 'long', logicalType })]);
  await assert.rejects(
    pass({ t: 1 }, time('timestamp-millis'), time('timestamp-micros')),
    faultCode('DECODE_FAILED', /timestamp-micros/),
  );
  assert.equal((await pass({ t: 1 }, record([field('t', 'int')]), time('timestamp-millis'))).t, 1);
});

test('an older writer is read by defaults, aliases and promotion', async () => {
  const old = record([field('a', 'int'), field('gone', { type: 'array', items: 'string' }), field('was', 'string')]);
  const next = record([
    field('is', 'string', { aliases: ['was'] }),
    field('a', ['null', 'long']),
    field('added', 'string', { default: 'x' }),
  ]);
  assert.deepEqual(await pass({ a: 5, gone: ['p', 'q'], was: 'w' }, old, next), { is: 'w', a: 5, added: 'x' });
});

test('bytes that are not a value are faults, never a guess', async () => {
  const schema = record([
    field('s', 'string'),
    field('list', { type: 'array', items: 'null' }),
    field('n', ['null', 'int']),
  ]);
  const decoder = new Decoder(typeOf(schema), async () => schema);
  const good = new Encoder(typeOf(schema), 3).encode({ s: 'abc', list: [null], n: 1 });
  assert.throws(() => decoder.decode(good), faultCode('SCHEMA_UNKNOWN'));
  await decoder.prepare(3);
  for (let end = 5; end < good.length; end++)
    assert.throws(() => decoder.decode(good.subarray(0, end)), faultCode('DECODE_FAILED'), `cut at ${end}`);
  assert.throws(
    () => decoder.decode(Buffer.concat([good, Buffer.from([0])])),
    faultCode('DECODE_FAILED', /1 bytes follow/),
  );
  assert.throws(() => decoder.decode(good.subarray(0, 4)), faultCode('WIRE_FORMAT'));
  assert.throws(() => decoder.decode(Buffer.from('plain text')), faultCode('WIRE_FORMAT'));
  const bomb = Buffer.concat([good.subarray(0, 9), Buffer.from([0x80, 0xad, 0xe2, 0x04, 0, 0])]); // 5 million nulls
  assert.throws(() => decoder.decode(bomb), faultCode('DECODE_FAILED', /announces/));
});

test('a map may not replace the prototype of what it is read into, nor may a field', async () => {
  const schema = record([field('m', { type: 'map', values: 'int' })]);
  const value = { m: Object.defineProperty({}, '__proto__', { value: 1, enumerable: true }) };
  await assert.rejects(pass(value, schema), faultCode('DECODE_FAILED', /__proto__/));
  assert.throws(() => typeOf(record([field('__proto__', 'int')])), /__proto__/);
});

test('the fault names the field that does not fit, and not its value', async () => {
  const schema = record([field('a', 'int'), field('in', record([field('deep', ['null', 'string'])], 'Inner'))]);
  await assert.rejects(
    pass({ a: 1, in: { deep: 5 } }, schema),
    (error: Fault) => error.code === 'ENCODE_FAILED' && error.field === 'in.deep' && !error.message.includes('5'),
  );
  await assert.rejects(pass({ in: { deep: null } }, schema), faultCode('ENCODE_FAILED', /`a` is missing/));
});

test('strings that no UTF-8 can hold, or that are none, are faults; U+FFFD itself is not', async () => {
  const schema = record([field('s', 'string')]);
  assert.equal((await pass({ s: 'a\uFFFD😀' }, schema)).s, 'a\uFFFD😀');
  await assert.rejects(pass({ s: '😀'.slice(0, 1) }, schema), faultCode('ENCODE_FAILED', /`s`/));
  const decoder = new Decoder(typeOf(schema), async () => schema);
  await decoder.prepare(3);
  assert.throws(() => decoder.decode(Buffer.from([0, 0, 0, 0, 3, 4, 0x61, 0xff])), faultCode('DECODE_FAILED', /UTF-8/));
});

test('a union of several types is the bare value, and refused where two of them look alike', async () => {
  const schema = (...types: unknown[]): unknown => record([field('u', types)]);
  for (const u of [null, 'x', 7]) assert.equal((await pass({ u }, schema('null', 'string', 'long'))).u, u);
  assert.throws(() => typeOf(schema('int', 'long')), /ambiguous/);
});

test('views of a slab stay as they were while it fills and is replaced', () => {
  const type = typeOf(record([field('s', 'string')]));
  const encoder = new Encoder(type, 1);
  const texts = Array.from({ length: 400 }, (_, i) => String(i).repeat(1 + (i % 40) * 100));
  texts.push('x'.repeat(2_000_000));
  const views = texts.map((s) => encoder.encode({ s }));
  for (const [i, view] of views.entries()) assert.deepEqual(type.fromBuffer(view.subarray(5)), { s: texts[i] });
});

test('a dependency that is down is thrown; an unknown id becomes the fault of its records, and is asked for again', async () => {
  const schema = record([field('a', 'int')]);
  let answer = (): unknown => {
    throw new Fault('REGISTRY_UNAVAILABLE', 'down');
  };
  const decoder = new Decoder(typeOf(schema), async () => answer());
  await assert.rejects(decoder.prepare(3), faultCode('REGISTRY_UNAVAILABLE'));
  answer = () => {
    throw new Fault('SCHEMA_UNKNOWN', 'id 3');
  };
  await decoder.prepare(3);
  const bytes = new Encoder(typeOf(schema), 3).encode({ a: 1 });
  assert.throws(() => decoder.decode(bytes), faultCode('SCHEMA_UNKNOWN'));
  assert.equal(decoder.isReady(3), false);
  answer = () => schema;
  await decoder.prepare(3);
  assert.deepEqual(decoder.decode(bytes), { a: 1 });
});

test('fields of a newer writer are passed over, and told once', async () => {
  const reader = record([field('a', 'int'), { name: 'b', type: 'int', aliases: ['former'], default: 0 }]);
  const newer = record([field('a', 'int'), field('former', 'int'), { name: 'gate', type: 'string', default: '' }]);
  const told: unknown[] = [];
  const decoder = new Decoder(
    typeOf(reader),
    async () => newer,
    (...args) => told.push(args),
  );
  await decoder.prepare(7);
  await decoder.prepare(7);
  const bytes = new Encoder(typeOf(newer), 7).encode({ a: 1, former: 2, gate: 'B12' });
  assert.deepEqual(decoder.decode(bytes), { a: 1, b: 2 });
  assert.deepEqual(told, [[7, ['gate']]]);
});
