/** The JSON Schema of case files; published as schemas/case.schema.json for editors. */
import { CODE_PATTERN, NAME_PATTERN, TOPIC_PATTERN } from '@quadrille/record';

/** Verdicts that are one word. The last four are a loader's. */
export const PLAIN_VERDICTS = ['pass', 'hold', 'written', 'unchanged', 'superseded', 'conflict'] as const;

const own = {
  $id: { description: 'The record’s id; left out, what the extractor makes of it, or its number.', type: 'string' },
  $version: { description: 'Its version; left out, its number.', type: 'integer', minimum: 0 },
  $revision: { description: 'Its revision: 0 from the source, more from replays.', type: 'integer', minimum: 0 },
  $deleted: { description: 'A deletion.', type: 'boolean' },
};

const given = {
  description: 'Records in order. Fields left out are null, 0, empty or the schema’s default.',
  type: 'array',
  items: { type: 'object', properties: own },
};

const output = {
  description: 'Fields of the output; only those named are compared.',
  type: 'object',
  properties: {
    $id: own.$id,
    $deleted: own.$deleted,
    $topic: { description: 'The topic it goes to, of a station that writes several.', type: 'string' },
  },
};

const code = { type: 'string', pattern: CODE_PATTERN.source };

const FORMS =
  'pass, { pass: fields }, { pass: [fields, …] }, { drop: CODE }, { reject: CODE, field: name }, hold; of a loader written, unchanged, superseded, conflict.';

// biome-ignore-start lint/suspicious/noThenProperty: a keyword of JSON Schema
const verdict = {
  description: FORMS,
  type: ['string', 'object'],
  if: { type: 'string' },
  then: { enum: PLAIN_VERDICTS },
  else: {
    description: FORMS,
    properties: {
      pass: {
        description: 'What it makes of the record; a list for several outputs.',
        if: { type: 'array' },
        then: { items: output },
        else: output,
      },
      drop: { description: 'Left out on purpose, under this code.', ...code },
      reject: { description: 'A dead letter with this code.', ...code },
      field: { description: 'The field at fault.', type: 'string' },
    },
    additionalProperties: false,
    oneOf: [{ required: ['pass'] }, { required: ['drop'] }, { required: ['reject'] }],
  },
};

const verdicts = { description: 'One verdict for each record that came, in order.', type: 'array', items: verdict };

const expected = {
  description: 'A list of verdicts, or verdicts and, of a loader, the rows that stand at the end.',
  type: ['array', 'object'],
  if: { type: 'array' },
  then: verdicts,
  else: {
    properties: {
      verdicts,
      rows: {
        description: 'All rows of the target, in the order of their first writing.',
        type: 'array',
        items: output,
      },
    },
    minProperties: 1,
    additionalProperties: false,
  },
};
// biome-ignore-end lint/suspicious/noThenProperty: a keyword of JSON Schema

const byTopic = {
  description: 'Rows of reference topics, by topic.',
  type: 'object',
  propertyNames: { pattern: TOPIC_PATTERN.source },
  additionalProperties: given,
};

/** Draft 2020-12. */
export function caseSchema(): { [keyword: string]: unknown } {
  const byStation = (description: string, content: object): object => ({
    description,
    type: 'object',
    minProperties: 1,
    propertyNames: { pattern: NAME_PATTERN.source },
    additionalProperties: content,
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Quadrille case file',
    description: 'What a flow makes of records, tried without servers by `quadrille test`.',
    type: 'object',
    properties: {
      lookups: {
        ...byTopic,
        description:
          'Rows of reference topics, by topic, and of lookups that are asked, by STATION.LOOKUP, for all cases of the file.',
      },
      cases: {
        description: 'The cases.',
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          properties: {
            name: { description: 'What the case shows.', type: 'string', minLength: 1 },
            lookups: { ...byTopic, description: 'Rows for this case, beside those of the file.' },
            given: byStation(
              'Records given to stations: to an extractor as its source has them, to others as values of their topic.',
              given,
            ),
            expect: byStation(
              'What becomes of them, station by station; what is not named may do as it likes, but not reject.',
              expected,
            ),
          },
          required: ['name', 'given', 'expect'],
          additionalProperties: false,
        },
      },
    },
    required: ['cases'],
    additionalProperties: false,
  };
}
