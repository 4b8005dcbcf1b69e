import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf } from './field.ts';

const marked = { sensitivity: 'personal' };

test('a field is sensitive by its own mark, or by one within: in a record, a list, a map, a union, a type that is only named', () => {
  const person = { type: 'record', name: 'x.Person', fields: [{ name: 'email', type: 'string', ...marked }] };
  const tree = { type: 'record', name: 'Tree', fields: [{ name: 'left', type: ['null', 'Tree'] }] };
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'plain', type: 'string' },
      { name: 'other', type: 'string', sensitivity: 'public' },
      { name: 'own', type: ['null', 'long'], ...marked },
      { name: 'record', type: person },
      { name: 'named', type: 'x.Person' },
      { name: 'list', type: { type: 'array', items: ['null', 'Person'] } },
      { name: 'map', type: { type: 'map', values: 'Person' } },
      { name: 'tree', type: tree },
    ],
  };
  assert.deepEqual(
    fieldsOf(schema)
      .filter(({ sensitive }) => sensitive)
      .map(({ name }) => name),
    ['own', 'record', 'named', 'list', 'map'],
  );
});

test('what a record says holds for its fields, unless they say otherwise; a word nobody knows hides', () => {
  const levels = (record: object, ...fields: object[]) =>
    fieldsOf({
      type: 'record',
      name: 'R',
      ...record,
      fields: fields.map((more, at) => ({ name: `f${at}`, type: 'string', ...more })),
    }).map(({ sensitivity, sensitive }) => [sensitivity, sensitive]);
  assert.deepEqual(levels({}, {}), [[undefined, false]]);
  assert.deepEqual(levels({ sensitivity: 'personal' }, {}, { sensitivity: 'internal' }, { sensitivity: 'secret' }), [
    ['personal', true],
    ['internal', false],
    ['secret', true],
  ]);
  assert.deepEqual(levels({ sensitivity: 'public' }, {}, { sensitivity: 'sensitive' }, { sensitivity: null }), [
    ['public', false],
    ['secret', true],
    ['public', false],
  ]);
  const address = { type: 'record', name: 'A', ...marked, fields: [{ name: 'street', type: 'string' }] };
  assert.deepEqual(levels({ sensitivity: 'public' }, { type: address }), [['personal', true]]);
});
