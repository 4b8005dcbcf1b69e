import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { fieldsOf } from './avro/field.ts';
import { compileTemplate, templateFields } from './id-template.ts';

const fields = fieldsOf({
  type: 'record',
  name: 'R',
  fields: [
    { name: 'a', type: 'int' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'exact', type: { type: 'long', logicalType: 'timestamp-micros' } },
  ],
});

test('fields stand as their schema types them', () => {
  const id = compileTemplate('{a}-"{b}"/{at}', fields);
  assert.equal(id({ a: 7, b: 'x`', at: 1_357_020_000_000 }), '7-"x`"/2013-01-01T06:00:00Z');
  assert.equal(compileTemplate('{exact}', fields)({ exact: -1 }), '1969-12-31T23:59:59.999999Z');
  assert.deepEqual(templateFields('{a}-{b}/x'), ['a', 'b']);
});

test('a record without a value for one of them has no id', () => {
  const id = compileTemplate('{a}/{b}', fields);
  for (const record of [{ a: 1 }, { a: 1, b: null }, { a: 1, b: '' }]) {
    assert.throws(
      () => id(record),
      (error: unknown) => error instanceof Fault && error.code === 'ID_INVALID' && error.field === 'b',
    );
  }
});
