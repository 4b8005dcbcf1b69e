import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { avscSchema } from './avsc-schema.ts';

const folder = fileURLToPath(new URL('../../../../schemas', import.meta.url));
const read = (name: string): unknown => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
const validate = new Ajv({ allErrors: true, strict: false }).compile(avscSchema());

test('schemas/avsc.schema.json is up to date: else run `node scripts/schemas.ts`', () => {
  assert.deepEqual(read('avsc.schema.json'), JSON.parse(JSON.stringify(avscSchema())));
});

test('it takes every schema of an event in this project', () => {
  const events = globSync('*.avsc', { cwd: folder }).filter((name) => !name.startsWith('quadrille.'));
  assert.ok(events.length > 0);
  for (const name of events)
    assert.ok(validate(read(name)), `${name}: ${JSON.stringify(validate.errors?.slice(0, 3))}`);
});

test('it takes what Avro has, and says what an event lacks', () => {
  const field = { name: 'f', doc: 'A field.' };
  const schema = (type: unknown, more: object = {}) => ({
    type: 'record',
    name: 'E',
    doc: 'An event.',
    owner: 'team',
    fields: [{ ...field, type }],
    ...more,
  });
  for (const type of [
    'string',
    ['null', 'E'],
    { type: 'array', items: { type: 'map', values: 'long' } },
    { type: 'enum', name: 'Kind', symbols: ['a'], default: 'a' },
    { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 },
    { type: 'fixed', name: 'F', size: 16 },
    { type: 'long', logicalType: 'timestamp-micros', longs: 'bigint' },
    { type: 'record', name: 'R', fields: [{ ...field, type: 'int' }] },
  ])
    assert.ok(validate(schema(type)), JSON.stringify(type));
  for (const wrong of [
    schema('string', { owner: undefined }),
    schema('string', { doc: '' }),
    schema('string', { sensitivity: 'intern' }),
    schema({ type: 'array' }),
    schema({ type: 'record', name: 'R', fields: [{ name: 'g', type: 'int' }] }),
    schema({ type: 'int', logicalType: 'dat' }),
  ])
    assert.ok(!validate(JSON.parse(JSON.stringify(wrong))), JSON.stringify(wrong));
});
