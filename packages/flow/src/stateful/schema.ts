/** JSON Schema of what stands in a transformer's list beside rule files. */
import { AGGREGATES, DURATION } from './spec.ts';

type Schema = { [keyword: string]: unknown };
type Described = Record<string, Schema & { description: string }>;

const duration = (description: string, standard?: string): Schema & { description: string } => ({
  description: `${description} As in \`90s\`, \`15m\`, \`24h\`, \`7d\`.`,
  type: 'string',
  pattern: DURATION,
  ...(standard !== undefined && { default: standard }),
});
const fields = (description: string): Schema & { description: string } => ({
  description,
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1, uniqueItems: true }],
});
const inTime: Described = {
  time: { description: 'The field with the event time; left out, the record’s timestamp.', type: 'string' },
  ahead: duration(
    'An event time further beyond the record’s timestamp than this is rejected: it would close all.',
    '1d',
  ),
};

export const dedupeProperties: Described = {
  by: fields('Fields that make the key; left out, the record’s id.'),
  within: duration(
    'A record with the key of one that passed, and a time less than this from its, is dropped as DUPLICATE.',
  ),
  ...inTime,
  keys: {
    description: 'At most so many keys are kept a partition; then the station waits.',
    type: 'integer',
    minimum: 1,
    maximum: 5_000_000,
    default: 100_000,
  },
};

export const windowProperties: Described = {
  by: fields('Fields that make the key. The output has them under the same names.'),
  every: duration('How long a window is; windows are counted from the epoch, in UTC.'),
  ...inTime,
  lateness: duration('A window stays open until an event of its partition is so much later than its end.', '0s'),
  late: {
    description: 'A record whose window is closed: `drop` it, or `reject` it as a dead letter; WINDOW_LATE.',
    enum: ['drop', 'reject'],
    default: 'drop',
  },
  start: { description: 'Output field for the window’s first moment.', type: 'string' },
  end: { description: 'Output field for the first moment after it.', type: 'string' },
  take: {
    description: 'What the output tells, by its field: `count`, or `{ sum: field }`, `min`, `max`, `avg`.',
    type: 'object',
    minProperties: 1,
    additionalProperties: {
      anyOf: [
        { const: 'count' },
        {
          type: 'object',
          properties: Object.fromEntries(AGGREGATES.slice(1).map((name) => [name, { type: 'string' }])),
          minProperties: 1,
          maxProperties: 1,
          additionalProperties: false,
        },
      ],
    },
  },
  keys: {
    description: 'At most so many keys of open windows are kept a partition; then the station waits.',
    type: 'integer',
    minimum: 1,
    maximum: 60_000,
    default: 50_000,
  },
};

const entry = (description: string, properties: Described, required: string[]): Schema => ({
  description,
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** An entry of the list that is no file; one of each at most, after the rule files: dedupe, then window. */
export const statefulEntry: Schema = {
  properties: {
    dedupe: entry('Drops what was there before.', dedupeProperties, ['within']),
    window: entry('One record a key and window, when it closes.', windowProperties, ['by', 'every', 'take']),
  },
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
};
