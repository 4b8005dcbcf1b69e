import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder, Encoder } from './codec.ts';
import { valueFromJson, valueToJson } from './json.ts';
import { typeOf } from './type.ts';

const record = (fields: Record<string, unknown>, name = 'R'): Record<string, unknown> => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});

const of = (type: string, logicalType: string, more: object = {}) => ({ type, logicalType, ...more });

/** The value goes to JSON text and back, and the codec makes the same bytes of it. */
async function roundTrip(type: unknown, value: unknown, json?: unknown): Promise<void> {
  const schema = record({ a: type });
  const bytes = new Encoder(typeOf(schema), 1).encode({ a: value });
  const decoder = new Decoder(typeOf(schema), async () => schema);
  await decoder.prepare(1);
  const decoded = decoder.decode(bytes);
  const shown = valueToJson(schema, decoded) as { a: unknown };
  if (json !== undefined) assert.deepEqual(shown.a, json);
  const back = valueFromJson(schema, JSON.parse(JSON.stringify(shown)));
  assert.deepEqual(back.problems, []);
  assert.deepEqual(back.value, decoded);
  assert.deepEqual(new Encoder(typeOf(schema), 1).encode(back.value), bytes);
}

const problemsOf = (fields: Record<string, unknown>, json: unknown): string[] =>
  valueFromJson(record(fields), json).problems.map(({ path, message }) => `${path} ${message}`);

test('every kind goes to JSON and back as the same bytes', async () => {
  const cases: [type: unknown, value: unknown, json: unknown][] = [
    ['boolean', true, true],
    ['int', -(2 ** 31), -2147483648],
    ['long', 2 ** 53 - 1, 9007199254740991],
    [{ type: 'long', longs: 'bigint' }, -(2n ** 63n), '-9223372036854775808'],
    ['float', Math.fround(0.1), Math.fround(0.1)],
    ['double', 1e300, 1e300],
    ['double', Number.NaN, 'NaN'],
    ['double', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['double', -0, '-0'],
    ['string', 'naïve \u{1F600}', 'naïve \u{1F600}'],
    ['bytes', Buffer.from([0, 255, 16]), 'AP8Q'],
    [{ type: 'fixed', name: 'F', size: 2 }, Buffer.from([1, 2]), 'AQI='],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', 'B'],
    [of('bytes', 'decimal', { precision: 30, scale: 2 }), '-12345678901234567890.10', '-12345678901234567890.10'],
    [of('int', 'date'), '2013-02-28', '2013-02-28'],
    [of('string', 'uuid'), 'a1a2a3a4-b1b2-c1c2-d1d2-d3d4d5d6d7d8', undefined],
    [of('int', 'time-millis'), 43_200_001, '12:00:00.001'],
    [of('long', 'time-micros'), 1, '00:00:00.000001'],
    [of('long', 'timestamp-millis'), -1, '1969-12-31T23:59:59.999Z'],
    [of('long', 'timestamp-micros'), 1_356_998_400_000_007, '2013-01-01T00:00:00.000007Z'],
    [of('long', 'local-timestamp-millis'), 0, '1970-01-01T00:00:00.000'],
    [of('long', 'timestamp-micros', { longs: 'bigint' }), 2n ** 63n - 1n, '9223372036854775807'],
    // Beyond the years that ISO 8601 writes with four digits.
    [of('long', 'timestamp-millis'), 9e15, 9e15],
    [{ type: 'array', items: 'int' }, [1, 2], [1, 2]],
    [{ type: 'map', values: of('long', 'timestamp-millis') }, { k: 0 }, { k: '1970-01-01T00:00:00.000Z' }],
    [['null', 'string'], null, null],
    [['null', 'string'], 'x', 'x'],
    [['null', of('long', 'timestamp-millis')], 0, '1970-01-01T00:00:00.000Z'],
    [record({ b: ['null', record({ c: 'int' }, 'S')] }, 'T'), { b: { c: 1 } }, { b: { c: 1 } }],
    [['null', 'int', 'string'], 5, 5],
    [['null', 'int', 'string'], 'x', 'x'],
    // What could be text or bytes says which it is.
    [['string', 'bytes'], Buffer.from('x'), { bytes: 'eA==' }],
    [['string', 'bytes'], 'eA==', { string: 'eA==' }],
    [['string', 'bytes'], '?', '?'],
    [['string', { type: 'map', values: 'int' }], { string: 1 }, { map: { string: 1 } }],
  ];
  for (const [type, value, json] of cases) await roundTrip(type, value, json);
});

test('a type that holds itself, and one that is named again', async () => {
  const list = record({ n: 'int', next: ['null', 'List'] }, 'List');
  await roundTrip(list, { n: 1, next: { n: 2, next: null } });
  const schema = record({ a: { type: 'enum', name: 'x.E', symbols: ['A'] }, b: 'x.E' });
  assert.deepEqual(valueFromJson(schema, { a: 'A', b: 'B' }).problems, [
    { path: 'b', message: 'is a string, wanted is one of A' },
  ]);
});

test('every problem is named with its path, and no value stands in it', () => {
  const fields = {
    id: 'string',
    n: 'int',
    when: of('long', 'timestamp-millis'),
    list: { type: 'array', items: record({ q: 'long' }, 'Q') },
    gone: ['null', 'string'],
  };
  const json = { id: 5, n: 'SECRET', when: '2013-02-30T00:00:00Z', list: [{ q: 1 }, { q: 1.5, w: 1 }], more: true };
  const found = valueFromJson(record(fields), json).problems;
  assert.deepEqual(
    found.map(({ path }) => path),
    ['id', 'n', 'when', 'list.1.q', 'list.1.w', 'gone', 'more'],
  );
  assert.doesNotMatch(JSON.stringify(found), /SECRET|02-30/);
});

test('nothing is rounded, cut or guessed', () => {
  const refused: [type: unknown, json: unknown][] = [
    ['int', 2 ** 31],
    ['int', 1.5],
    ['int', '1'],
    ['long', 2 ** 53],
    [{ type: 'long', longs: 'bigint' }, '9223372036854775808'],
    ['float', 1e300],
    ['double', null],
    ['string', '\ud800'],
    ['string', 1],
    ['bytes', 'AP8'],
    [{ type: 'fixed', name: 'F', size: 3 }, 'AQI='],
    [of('bytes', 'decimal', { precision: 4, scale: 2 }), 1.5],
    [of('bytes', 'decimal', { precision: 4, scale: 2 }), '1.555'],
    [of('int', 'date'), '2013-02-29'],
    [of('long', 'timestamp-millis'), '2013-01-01T00:00:00.0001Z'],
    [of('long', 'timestamp-millis'), '2013-01-01T00:00:00'],
    [of('int', 'time-millis'), '24:00:00'],
    [['string', 'bytes'], 'eA=='],
    [['int', 'string'], true],
    ['boolean', 1],
  ];
  for (const [type, json] of refused)
    assert.equal(problemsOf({ a: type }, { a: json }).length, 1, JSON.stringify([type, json]));
  assert.deepEqual(problemsOf({ a: 'int' }, []), [' is a list, wanted is an object']);
});

test('numbers of times and instants are taken as they are', () => {
  const schema = record({ a: of('long', 'timestamp-millis'), b: of('bytes', 'decimal', { precision: 4, scale: 2 }) });
  assert.deepEqual(valueFromJson(schema, { a: 17, b: '1.5' }), { value: { a: 17, b: '1.50' }, problems: [] });
});
