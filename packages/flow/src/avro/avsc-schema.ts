/**
 * The JSON Schema of `.avsc` files, for editors: Avro as Quadrille takes it, with what an event has to say of itself. What
 * it cannot see (names that are not defined, defaults of another type) `quadrille check` tells.
 */
import { LOGICAL } from './logical.ts';
import { SENSITIVITIES } from './sensitivity.ts';

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];

const doc = (description: string): object => ({ type: 'string', minLength: 1, description });
const name = (description: string): object => ({ type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_.]*$', description });
const ref = (to: string): object => ({ $ref: `#/definitions/${to}` });
const sensitivity = (description: string): object => ({ enum: SENSITIVITIES, description });

/** Published as schemas/avsc.schema.json. */
export function avscSchema(): object {
  const aliases = {
    type: 'array',
    items: { type: 'string' },
    description: 'Earlier names, so that older records can be read.',
  };
  const named = {
    name: name('Its name; in one schema each name is defined once.'),
    namespace: { type: 'string', description: 'Before the name, with a dot.' },
    doc: doc('What it means.'),
    aliases,
  };
  const record = {
    type: 'object',
    required: ['type', 'name', 'fields'],
    properties: {
      type: { const: 'record' },
      ...named,
      sensitivity: sensitivity('Of all fields that say nothing themselves.'),
      fields: { type: 'array', items: ref('field'), description: 'In order.' },
    },
  };
  const kinds: Record<string, object> = {
    record,
    enum: {
      type: 'object',
      required: ['type', 'name', 'symbols'],
      properties: {
        type: { const: 'enum' },
        ...named,
        symbols: { type: 'array', items: { type: 'string' }, uniqueItems: true, description: 'Its values.' },
        default: { type: 'string', description: 'What a symbol that a reader does not know is read as.' },
      },
    },
    array: {
      type: 'object',
      required: ['type', 'items'],
      properties: { type: { const: 'array' }, items: ref('type') },
    },
    map: {
      type: 'object',
      required: ['type', 'values'],
      properties: { type: { const: 'map' }, values: ref('type') },
    },
    fixed: {
      type: 'object',
      required: ['type', 'name', 'size'],
      properties: {
        type: { const: 'fixed' },
        ...named,
        size: { type: 'integer', minimum: 1, description: 'Bytes.' },
        ...logical(),
      },
    },
    primitive: {
      type: 'object',
      required: ['type'],
      properties: {
        type: { enum: PRIMITIVES },
        ...logical(),
        longs: { const: 'bigint', description: 'All 64 bits, as a bigint in JavaScript.' },
      },
    },
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'The schema of a topic',
    allOf: [ref('record')],
    type: 'object',
    required: ['owner', 'doc'],
    properties: {
      owner: doc('Who answers for the event: a team.'),
      doc: doc('What the event means, in a sentence.'),
    },
    definitions: {
      ...kinds,
      field: {
        type: 'object',
        required: ['name', 'type', 'doc'],
        properties: {
          name: name('Its name.'),
          type: ref('type'),
          doc: doc('What it is, and its unit.'),
          default: {
            description: 'For records that were written before it was there; of a union, of its first branch.',
          },
          sensitivity: sensitivity(
            'Who may see it: anybody, whoever works here; about a person; nobody needs to read it.',
          ),
          aliases,
          order: { enum: ['ascending', 'descending', 'ignore'] },
        },
      },
      type: {
        anyOf: [
          { enum: PRIMITIVES },
          name('A type that is defined before.'),
          { type: 'array', minItems: 1, items: ref('type'), description: 'A union; with null first it may be null.' },
          ...Object.keys(kinds).map(ref),
        ],
      },
    },
  };
}

function logical(): object {
  return {
    logicalType: { enum: Object.keys(LOGICAL), description: 'What the value means; see docs/reference/schemas.md.' },
    precision: { type: 'integer', minimum: 1, description: 'Of a decimal: digits in all.' },
    scale: { type: 'integer', minimum: 0, description: 'Of a decimal: digits behind the point.' },
  };
}
