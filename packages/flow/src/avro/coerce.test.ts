import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { compileCoerce } from './coerce.ts';
import { fieldsOf } from './field.ts';

const decimal = { type: 'bytes', logicalType: 'decimal', precision: 6, scale: 2 };
const logical = (type: string, logicalType: string): unknown => ({ type, logicalType });

/** [type, text, value]; undefined: FIELD_INVALID. */
const cases: [type: unknown, text: string, value: unknown][] = [
  ['int', '517', 517],
  ['int', '-43', -43],
  ['int', '+1', 1],
  ['int', '-0', 0],
  ['int', '12abc', undefined],
  ['int', ' 1', undefined],
  ['int', '1.0', undefined],
  ['int', '-', undefined],
  ['int', '2147483647', 2147483647],
  ['int', '2147483648', undefined],
  ['long', '9007199254740991', 9007199254740991],
  ['long', '9007199254740992', undefined],
  ['long', '9007199254740993', undefined],
  [{ type: 'long', longs: 'bigint' }, '-9223372036854775808', -(2n ** 63n)],
  [{ type: 'long', longs: 'bigint' }, '9223372036854775808', undefined],
  ['double', '10.357019999999999', 10.357019999999999],
  ['double', '-1.5e3', -1500],
  ['double', '.5', 0.5],
  ['double', '1e999', undefined],
  ['double', '0x10', undefined],
  ['double', 'Infinity', undefined],
  ['float', '1e39', undefined],
  ['boolean', 'true', true],
  ['boolean', '0', false],
  ['boolean', 'yes', undefined],
  [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'B', 'B'],
  [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, 'b', undefined],
  [decimal, '1234.5', '1234.5'],
  [decimal, '1234.500', '1234.500'],
  [decimal, '0.005', undefined],
  [decimal, '12345.00', undefined],
  [decimal, '1e2', undefined],
  [logical('int', 'date'), '2024-02-29', '2024-02-29'],
  [logical('int', 'date'), '2023-02-29', undefined],
  [logical('long', 'timestamp-millis'), '2013-01-01T10:00:00Z', Date.UTC(2013, 0, 1, 10)],
  [logical('long', 'timestamp-millis'), '2013-01-01 10:00+02:30', Date.UTC(2013, 0, 1, 7, 30)],
  [logical('long', 'timestamp-millis'), '2013-01-01T10:00:00.12Z', Date.UTC(2013, 0, 1, 10, 0, 0, 120)],
  [logical('long', 'timestamp-millis'), '2013-01-01T10:00:00.1234Z', undefined],
  [logical('long', 'timestamp-millis'), '2013-01-01T10:00:00', undefined],
  [logical('long', 'timestamp-millis'), '2013-02-30T10:00:00Z', undefined],
  [logical('long', 'timestamp-millis'), '2013-01-01T24:00:00Z', undefined],
  [logical('long', 'timestamp-micros'), '1969-12-31T23:59:59.999999Z', -1],
  [logical('long', 'timestamp-micros'), '9999-12-31T23:59:59Z', undefined],
  [
    { ...(logical('long', 'timestamp-micros') as object), longs: 'bigint' },
    '9999-12-31T23:59:59.000001Z',
    253402300799000001n,
  ],
  [logical('long', 'local-timestamp-millis'), '2013-01-01T10:00', Date.UTC(2013, 0, 1, 10)],
  [logical('int', 'time-millis'), '23:59:59.999', 86_399_999],
  [logical('string', 'uuid'), '0d9f8c1e-7b1a-4c35-9b83-0a8a5a2f6f10', '0d9f8c1e-7b1a-4c35-9b83-0a8a5a2f6f10'],
  [logical('string', 'uuid'), 'none', undefined],
  ['bytes', '00ff', Buffer.from([0, 255])],
  ['bytes', '0', undefined],
];

const fields = (...list: [name: string, type: unknown, rest?: object][]): ReturnType<typeof fieldsOf> =>
  fieldsOf({ type: 'record', name: 'R', fields: list.map(([name, type, rest]) => ({ name, type, ...rest })) });

for (const [type, text, value] of cases) {
  test(`${JSON.stringify(type)} from ${JSON.stringify(text)}`, () => {
    const coerce = compileCoerce(fields(['x', type]));
    if (value !== undefined) return assert.deepEqual(coerce({ x: text }).x, value);
    assert.throws(
      () => coerce({ x: text }),
      (error: unknown) => error instanceof Fault && error.code === 'FIELD_INVALID' && error.field === 'x',
    );
  });
}

test('null texts become null, or the default, or a fault', () => {
  const coerce = compileCoerce(fields(['a', ['null', 'int']], ['b', 'int', { default: 3 }]), { nullTexts: ['NA'] });
  assert.deepEqual(coerce({ a: 'NA', b: 'NA', other: 'x' }), { a: null, b: 3 });
  assert.deepEqual(coerce({ b: 4 }), { a: null, b: 4 });
  const strict = compileCoerce(fields(['a', 'int'], ['s', 'string']));
  assert.throws(
    () => strict({ a: '', s: '' }),
    (error: unknown) => error instanceof Fault && error.code === 'FIELD_MISSING' && error.field === 'a',
  );
  assert.deepEqual(strict({ a: '1', s: '' }), { a: 1, s: '' });
});
