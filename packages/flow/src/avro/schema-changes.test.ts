import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fieldPlace } from './field-place.ts';
import { schemaChanges, typeLabel } from './schema-changes.ts';

const leg = (...fields: object[]) => ({ type: 'record', name: 'Leg', fields });
const trip = (fields: object[], more: object = {}) => ({ type: 'record', name: 'Trip', fields, ...more });
const id = { name: 'id', type: 'string' };

const told = (before: object, after: object): string[] =>
  schemaChanges(before, after).map(({ path, change, before, after }) => `${path} ${change}: ${before} → ${after}`);

test('the same is no change, whatever it is written like', () => {
  assert.deepEqual(told(trip([id]), structuredClone(trip([id]))), []);
});

test('fields added, removed and renamed; types, defaults, docs and sensitivities', () => {
  const before = trip([
    id,
    { name: 'tailnum', type: ['null', 'string'], default: null },
    { name: 'seats', type: 'int', doc: 'Seats.', sensitivity: 'public' },
    { name: 'gone', type: 'boolean', default: false },
  ]);
  const after = trip([
    id,
    { name: 'tail_number', aliases: ['tailnum'], type: ['null', 'string'], default: null },
    { name: 'seats', type: 'long', doc: 'Seats sold.', default: 0, sensitivity: 'internal' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }, default: '\u0000' },
  ]);
  assert.deepEqual(told(before, after), [
    'tail_number renamed: tailnum → tail_number',
    'seats type: int → long',
    'seats default: undefined → 0',
    'seats doc: Seats. → Seats sold.',
    'seats sensitivity: public → internal',
    'price added: undefined → decimal(9,2) = "\\u0000"',
    'gone removed: boolean = false → undefined',
  ]);
});

test('a sensitivity is that of the record where the field says none; what an event says of itself', () => {
  const before = trip([id], { sensitivity: 'internal', owner: 'a', doc: 'A trip.', namespace: 'x' });
  const after = trip([id], { sensitivity: 'personal', owner: 'b', doc: 'A journey.', namespace: 'y' });
  assert.deepEqual(told(before, after), [
    ' name: x.Trip → y.Trip',
    ' owner: a → b',
    ' doc: A trip. → A journey.',
    ' sensitivity: internal → personal',
    'id sensitivity: internal → personal',
  ]);
});

test('records within: in arrays, maps, unions, by name, and within themselves', () => {
  const of = (type: string) => {
    const node = {
      type: 'record',
      name: 'Node',
      fields: [
        { name: 'v', type },
        { name: 'next', type: ['null', 'Node'] },
      ],
    };
    return trip([
      { name: 'legs', type: { type: 'array', items: leg({ name: 'from', type }) } },
      { name: 'best', type: ['null', 'Leg'] },
      { name: 'by', type: { type: 'map', values: ['null', node] } },
    ]);
  };
  assert.deepEqual(told(of('int'), of('long')), [
    'legs[].from type: int → long',
    'best.from type: int → long',
    'by{}.v type: int → long',
  ]);
});

test('symbols of an enum; the order of fields; what Quadrille does not know', () => {
  const of = (...symbols: string[]) => trip([{ name: 'kind', type: { type: 'enum', name: 'Kind', symbols } }]);
  assert.deepEqual(told(of('a'), of('a', 'b')), ['kind type: Kind(a) → Kind(a, b)']);
  const n = { name: 'n', type: 'int' };
  assert.deepEqual(told(trip([id, n]), trip([n, id])), [' order: id, n → n, id']);
  assert.deepEqual(told(trip([id]), trip([id], { x: 1 })), [' form: undefined → written in another way']);
});

test('types as people read them', () => {
  assert.equal(typeLabel({ type: 'long', longs: 'bigint' }), 'long, bigint');
  assert.equal(
    typeLabel({ type: 'long', logicalType: 'timestamp-micros', longs: 'bigint' }),
    'timestamp-micros, bigint',
  );
  assert.equal(typeLabel({ type: 'map', values: ['null', 'x.y.Leg'] }), 'map<null | Leg>');
  assert.equal(typeLabel({ type: { type: 'fixed', name: 'F', size: 16 } }), 'fixed(16)');
});

test('the place of a field, also within; of one that is not there, of the record above it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-place-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'trips.avsc');
  await writeFile(
    file,
    `{ "type": "record", "name": "Trip", "fields": [
  { "name": "id", "type": "string" },
  { "name": "legs", "type": { "type": "array", "items": { "type": "record", "name": "Leg", "fields": [
    { "name": "from", "type": "string" },
    { "name": "to", "type": "string" }
  ] } } },
  { "name": "best", "type": ["null", "Leg"] }
] }
`,
  );
  const at = (path: string): string => fieldPlace(file, path).split(':').slice(1).join(':');
  assert.equal(at('id'), '2:3');
  assert.equal(at('legs[].to'), '5:5');
  assert.equal(at('best.from'), '4:5');
  assert.equal(at('best.nothing'), '7:3');
  assert.equal(at(''), '1:1');
});
