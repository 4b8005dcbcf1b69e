/**
 * The JSON Schema of flow files: the base below, and the configuration of every type of source, lookup and target. It is published
 * as schemas/flow.schema.json (`node scripts/flow-schema.ts`), checks flow files, and makes docs/reference/flow-file.md.
 */
import { NAME_PATTERN, TOPIC_PATTERN } from '@quadrille/record';
import type { ConfigSchema } from './config-schema.ts';
import { lookupTypes } from './lookups/index.ts';
import { sourceTypes } from './sources/index.ts';
import { statefulEntry } from './stateful/schema.ts';
import { targetTypes } from './targets/index.ts';

export type JsonSchema = { [keyword: string]: unknown };
export type Properties = Record<string, JsonSchema & { description: string }>;

export const STATION_KINDS = ['extractor', 'transformer', 'enricher', 'loader'] as const;

const topic = (description: string): JsonSchema & { description: string } => ({
  description,
  type: 'string',
  pattern: TOPIC_PATTERN.source,
});
const count = (description: string, standard: number, maximum: number): JsonSchema & { description: string } => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum,
  default: standard,
});

/** What every station may have. */
export const stationProperties: Properties = {
  start: {
    description: 'Where it begins on a topic it has never read.',
    enum: ['earliest', 'latest'],
    default: 'earliest',
  },
  stopTheLine: {
    description: 'Stop when `rejects` of the last `of` records were rejected; `off`: never.',
    default: { rejects: 50, of: 200 },
    anyOf: [
      { const: 'off' },
      {
        type: 'object',
        properties: { rejects: { type: 'integer', minimum: 1 }, of: { type: 'integer', minimum: 1, maximum: 100_000 } },
        required: ['rejects', 'of'],
        additionalProperties: false,
      },
    ],
  },
  round: {
    description: 'What one round takes at most.',
    type: 'object',
    properties: {
      records: count('Records.', 3_000, 100_000),
      bytes: {
        description: 'Bytes of their values.',
        type: 'integer',
        minimum: 65_536,
        maximum: 268_435_456,
        default: 8_388_608,
      },
    },
    additionalProperties: false,
  },
  instances: count('How many processes `quadrille up` starts.', 1, 64),
  timeoutMs: count('Time for one batch of a rule or query, in milliseconds.', 10_000, 3_600_000),
};

/** What every extractor has beside its source's own configuration. */
export const extractorProperties: Properties = {
  type: { description: 'The source type.', enum: Object.keys(sourceTypes) },
  id: {
    description:
      'Who a record is: a template over fields of its schema, `"{carrier}/{flight}"`, or a list of fields. Stable and unique in the topic. Needed unless the source brings it.',
    anyOf: [
      { type: 'string', pattern: '\\{[^{}]+\\}' },
      { type: 'array', items: { type: 'string' }, minItems: 1 },
    ],
  },
  nulls: {
    description:
      'The text, or texts, that mean null. By default the empty text, and none where the source has nulls of its own.',
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  },
  key: {
    description: 'Template of the Kafka key, which decides the partition; by default the id.',
    type: 'string',
    pattern: '\\{[^{}]+\\}',
  },
  version: {
    description:
      'The field that tells the newer of two records with one id; `position`: what the source brings, else the one read later.',
    type: 'string',
    default: 'position',
  },
  priority: {
    description: 'With sources that share ids: the higher wins, whatever its version.',
    type: 'integer',
    minimum: 0,
    maximum: 1023,
    default: 0,
  },
};

export const targetProperties: Properties = {
  type: { description: 'The target type.', enum: Object.keys(targetTypes) },
};

const joinProperties: Properties = {
  on: {
    description: 'Which fields of the lookup equal which fields of the record: `{ lookupField: recordField }`.',
    type: 'object',
    minProperties: 1,
    additionalProperties: { type: 'string' },
  },
  take: {
    description: 'Which fields it gives to the record: `{ lookupField: recordField }`.',
    type: 'object',
    minProperties: 1,
    additionalProperties: { type: 'string' },
  },
  missing: {
    description:
      'When nothing is found, or a join field is null. reject: a dead letter LOOKUP_MISSING; null: its fields become null; hold: wait for it.',
    enum: ['reject', 'null', 'hold', null],
    default: 'reject',
  },
};

export const lookupProperties: Properties = {
  topic: topic('The reference topic; compacted, keyed by its extractor’s id.'),
  ...joinProperties,
};

/** Of a lookup that is asked, beside what its type has. */
export const askedProperties: Properties = {
  type: { description: 'Type of the lookup.', enum: Object.keys(lookupTypes) },
  ...joinProperties,
  cache: {
    description: 'How long answers are remembered. What replays need is asked anew.',
    type: 'object',
    properties: {
      seconds: { description: 'A row.', type: 'number', minimum: 0, default: 300 },
      missingSeconds: { description: 'That there is no row.', type: 'number', minimum: 0, default: 10 },
      rows: {
        description: 'At most so many answers; the oldest are forgotten.',
        type: 'integer',
        minimum: 1,
        default: 100_000,
      },
      staleWhileError: {
        description: 'While nobody answers, rows are used for so many seconds more; else the station waits.',
        type: 'number',
        minimum: 0,
        default: 0,
      },
    },
    additionalProperties: false,
  },
};

export const topicProperties: Properties = {
  partitions: count('Partitions.', 4, 10_000),
  compacted: {
    description: 'Keep the newest record of every key, for ever: for reference topics.',
    type: 'boolean',
    default: false,
  },
  maxBytes: {
    description: 'The largest record batch the topic takes (max.message.bytes).',
    type: 'integer',
    minimum: 1024,
  },
  external: { description: 'Another system or flow writes it.', type: 'boolean', default: false },
};

const ifText = (then: JsonSchema, otherwise: JsonSchema): JsonSchema => ({
  if: { type: 'string' },
  then,
  else: otherwise,
});
const ruleFile: JsonSchema = { type: 'string', pattern: '\\.(ts|sql)$' };
const from = topic('The topic it reads.');
const to = topic('The topic it writes.');
/** Of stations with rules. */
const toSeveral: JsonSchema & { description: string } = {
  description: 'The topic it writes, or several: rules send records to one of them, all else goes to the first.',
  anyOf: [
    { type: 'string', pattern: TOPIC_PATTERN.source },
    { type: 'array', items: { type: 'string', pattern: TOPIC_PATTERN.source }, minItems: 1, uniqueItems: true },
  ],
};
const object = (properties: Properties, required: readonly string[]): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** What each kind of station has, beside `stationProperties`. */
export const kinds: Readonly<
  Record<(typeof STATION_KINDS)[number], { doc: string; properties: Properties; required: string[] }>
> = {
  extractor: {
    doc: 'Reads a source and writes its records to a topic.',
    properties: {
      extractor: {
        description: 'The source, and who its records are.',
        ...byType(sourceTypes, extractorProperties, ({ traits }) =>
          traits?.brings?.includes('id') ? ['type'] : ['type', 'id'],
        ),
      },
      to,
    },
    required: ['extractor', 'to'],
  },
  transformer: {
    doc: 'Applies rules to every record.',
    properties: {
      transformer: {
        description:
          'Rule files (.ts, .sql) in the order in which they apply; after them `dedupe` and `window`, one of each at most.',
        type: ['string', 'array'],
        ...ifText(ruleFile, { minItems: 1, items: { type: ['string', 'object'], ...ifText(ruleFile, statefulEntry) } }),
      },
      from,
      to: toSeveral,
    },
    required: ['transformer', 'from', 'to'],
  },
  enricher: {
    doc: 'Joins reference data to every record.',
    properties: {
      enricher: {
        description:
          'Lookups by name; under `sql` a query over `input` and the lookups as tables, which runs after the joins.',
        type: 'object',
        minProperties: 1,
        properties: { sql: { description: 'A SQL file.', type: 'string', pattern: '\\.sql$' } },
        propertyNames: { pattern: '^[a-z][a-z0-9_]*$' },
        additionalProperties: {
          if: { required: ['type'] },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: byType(lookupTypes, askedProperties, () => ['type', 'on', 'take']),
          else: object(lookupProperties, ['topic', 'on', 'take']),
        },
      },
      rules: { description: 'Rule files that apply after the joins, in order.', type: 'array', items: ruleFile },
      from,
      to: toSeveral,
    },
    required: ['enricher', 'from', 'to'],
  },
  loader: {
    doc: 'Writes records to a target.',
    properties: {
      loader: { description: 'The target.', ...byType(targetTypes, targetProperties, () => ['type']) },
      from,
    },
    required: ['loader', 'from'],
  },
};

/** An entry whose other keys depend on its `type`. */
function byType<T extends { doc: string; config: ConfigSchema }>(
  types: Readonly<Record<string, T>>,
  own: Properties,
  required: (type: T) => string[],
): JsonSchema {
  return {
    type: 'object',
    properties: { type: own.type },
    required: ['type'],
    allOf: Object.entries(types).map(([name, type]) => ({
      if: { properties: { type: { const: name } }, required: ['type'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: {
        description: type.doc,
        ...object({ ...type.config.properties, ...own }, [...required(type), ...(type.config.required ?? [])]),
      },
    })),
  };
}

/** The whole schema, draft 2020-12. */
export function flowSchema(): JsonSchema {
  const all = Object.assign(
    {},
    stationProperties,
    ...STATION_KINDS.map((kind) => kinds[kind].properties),
  ) as Properties;
  const none: JsonSchema = { ...object(all, []), anyOf: STATION_KINDS.map((kind) => ({ required: [kind] })) };
  const station = STATION_KINDS.reduceRight<JsonSchema>(
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    (otherwise, kind) => ({ if: { required: [kind] }, then: { $ref: `#/$defs/${kind}` }, else: otherwise }),
    none,
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Quadrille flow file',
    type: 'object',
    properties: {
      flow: { description: 'Name of the flow.', type: 'string', pattern: NAME_PATTERN.source },
      outside: {
        description:
          'A file that stands for what is around the flow: fills the database that is migrated, runs the queue, calls the webhook. Started by `quadrille up` on servers of its own, never on servers given by address.',
        type: 'string',
        pattern: '\\.[cm]?[jt]s$',
      },
      topics: {
        description: 'Settings of topics that differ from the defaults.',
        type: 'object',
        propertyNames: { pattern: TOPIC_PATTERN.source },
        additionalProperties: object(topicProperties, []),
      },
      stations: {
        description: 'The stations by name.',
        type: 'object',
        minProperties: 1,
        propertyNames: { pattern: NAME_PATTERN.source },
        additionalProperties: { type: 'object', ...station },
      },
    },
    required: ['flow', 'stations'],
    additionalProperties: false,
    $defs: Object.fromEntries(
      STATION_KINDS.map((kind) => [
        kind,
        {
          description: kinds[kind].doc,
          ...object({ ...kinds[kind].properties, ...stationProperties }, kinds[kind].required),
        },
      ]),
    ),
  };
}
