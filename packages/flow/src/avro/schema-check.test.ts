import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkSchemaText, checkTopicSchema } from './schema-check.ts';

const check = (text: string) => checkSchemaText(text, 'shop.sold', 'schemas/shop.sold.avsc');
const told = (text: string) =>
  check(text).faults.map(({ code, place, message, help }) => [code, place?.replace(/^.*avsc:/, ''), message, help]);

test('every field that cannot be used is told, with its line', () => {
  const lines = told(`{
  "type": "record", "name": "Sold",
  "fields": [
    { "name": "id", "type": "strin" },
    { "name": "at", "type": ["null", "int"], "default": 3 },
    { "name": "what", "type": "string" },
    { "name": "what", "type": "string" },
    { "name": "which" }
  ]
}`);
  assert.deepEqual(
    lines.map(([code, place]) => [code, place]),
    [4, 5, 7, 8].map((line) => ['SCHEMA_INVALID', `${line}:5`]),
  );
  assert.match(lines[0]?.[2] ?? '', /field `id`: undefined type name: strin/);
  assert.equal(lines[0]?.[3], 'did you mean `string`?');
  assert.match(lines[1]?.[3] ?? '', /put `"null"` first/);
  assert.match(lines[2]?.[2] ?? '', /field `what`: another field has this name/);
  assert.match(lines[3]?.[2] ?? '', /field `which` has no `type`/);
});

test('what is wrong with the whole, and text that is no JSON', () => {
  assert.match(
    told('{ "type": "record", "name": "So ld", "fields": [{ "name": "a", "type": "int" }] }')[0]?.[2] ?? '',
    /invalid name/,
  );
  assert.match(told('{ "type": "enum", "name": "E", "symbols": ["A"] }')[0]?.[2] ?? '', /is a record, not enum/);
  const [fault] = told('{\n  "type": "record",\n  "name" "Sold"\n}');
  assert.deepEqual([fault?.[0], fault?.[1]], ['SCHEMA_INVALID', '3:10']);
});

test('owner, docs and sensitivities are asked for, also within', () => {
  const { schema, faults } = check(`{
  "type": "record", "name": "Sold", "doc": " ",
  "fields": [
    { "name": "id", "type": "string", "doc": "Id.", "sensitivity": "internal" },
    { "name": "to", "doc": "Where to.", "sensitivity": "personal", "type": { "type": "array", "items": {
      "type": "record", "name": "Line", "fields": [{ "name": "town", "type": "string" }] } } },
    { "name": "note", "type": "string", "doc": "Note.", "sensitivity": "sensitive" },
    { "name": "n", "type": "int", "doc": "Number." }
  ]
}`);
  assert.ok(schema !== undefined, 'it can be used all the same');
  assert.deepEqual(
    faults.map(({ code, place, message }) => [code, place?.replace(/^.*avsc:/, ''), message.replace(/^[^:]*: /, '')]),
    [
      ['SCHEMA_UNGOVERNED', '1:1', 'nobody answers for it: no `owner`'],
      ['SCHEMA_UNGOVERNED', '2:37', 'it does not say what the event means: no `doc`'],
      ['SCHEMA_UNGOVERNED', '6:52', 'field `to[].town` does not say what it means: no `doc`'],
      ['SCHEMA_UNGOVERNED', '7:57', '`sensitivity` is "sensitive"'],
      ['SCHEMA_UNGOVERNED', '8:5', 'field `n` does not say who may see it: no `sensitivity`'],
    ],
  );
});

test('the schemas of this project have all that is asked for', async () => {
  const folder = fileURLToPath(new URL('../../../../schemas', import.meta.url));
  const topics = readdirSync(folder)
    .filter((name) => name.endsWith('.avsc') && !name.startsWith('quadrille.'))
    .map((name) => name.slice(0, -'.avsc'.length));
  const faults = await Promise.all(topics.map(async (topic) => (await checkTopicSchema(folder, topic)).faults));
  assert.deepEqual(
    faults.flat().map((fault) => fault.format()),
    [],
  );
});
