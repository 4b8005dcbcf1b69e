/** A flow as an AsyncAPI document (https://www.asyncapi.com/docs/reference/specification/v3.1.0), with Avro payloads and Kafka bindings. */
import { outputTopicsOf, type StationSpec } from '@quadrille/flow';
import { DLQ, FAULT, HEADER } from '@quadrille/record';
import { type Catalog, type CatalogEvent, groupOf, type Use } from './catalog.ts';

const BINDING = '0.5.0';
const AVRO = 'application/vnd.apache.avro;version=1.9.0';
const DEAD_LETTER = 'DeadLetter';

/**
 * Channels are topics, operations what stations do with them. The engine's own topics (ledger, control, replays) are not
 * in it, and no servers: where they are says the environment. Extensions: `x-owner`, `x-sensitivity` (the highest, and of
 * each field), `x-dead-letters`, `x-station`.
 */
export function asyncApi(catalog: Catalog): object {
  const { flow, events, uses, deadLetters, version } = catalog;
  const channels = [
    ...events.map((event) => [event.topic.name, eventChannel(event)] as const),
    ...[...deadLetters.keys()].map((topic) => [topic, deadLetterChannel(topic)] as const),
  ];
  const operations = [
    ...uses.map((use) => [operationName(use), operation(catalog, use)] as const),
    ...[...deadLetters].flatMap(([topic, stations]) =>
      stations.map((station) => [`${station.name}.reject`, rejection(station, topic)] as const),
    ),
  ];
  return {
    asyncapi: '3.1.0',
    id: `urn:quadrille:flow:${flow.name}`,
    info: {
      title: flow.name,
      version,
      description: `The events of the flow \`${flow.name}\`: ${events.length} topics between ${flow.stations.size} stations. Made by \`quadrille docs\`; the version is a digest of the schemas.`,
    },
    defaultContentType: 'application/vnd.apache.avro',
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(operations),
    components: {
      messages: {
        ...Object.fromEntries(events.map((event) => [event.topic.name, message(catalog, event)])),
        ...(deadLetters.size > 0 && { [DEAD_LETTER]: deadLetterMessage() }),
      },
    },
  };
}

function eventChannel({ topic, schema, deadLetters }: CatalogEvent): object {
  const { name, partitions, compacted, maxBytes, external } = topic;
  return {
    address: name,
    description: schema.doc,
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    bindings: {
      kafka: {
        topic: name,
        ...(!external && { partitions }),
        ...(!external && {
          topicConfiguration: {
            'cleanup.policy': [compacted ? 'compact' : 'delete'],
            ...(maxBytes !== undefined && { 'max.message.bytes': maxBytes }),
          },
        }),
        bindingVersion: BINDING,
      },
    },
    'x-owner': schema.owner,
    ...(external && { 'x-external': true }),
    ...(deadLetters !== undefined && { 'x-dead-letters': deadLetters }),
  };
}

const deadLetterChannel = (topic: string): object => ({
  address: topic,
  description: `What a station could not use of \`${topic.replace(/^dlq\./, '')}\`, byte for byte, with the reason in its headers.`,
  messages: { [DEAD_LETTER]: { $ref: `#/components/messages/${DEAD_LETTER}` } },
  bindings: {
    kafka: { topic, topicConfiguration: { 'cleanup.policy': ['delete'], 'retention.ms': -1 }, bindingVersion: BINDING },
  },
});

function message({ uses }: Catalog, { topic, schema, json, name, sensitivity }: CatalogEvent): object {
  const writer = uses.find((use) => use.action === 'send' && use.topic === topic.name)?.station;
  const id = writer?.kind === 'extractor' ? (writer.key ?? writer.id) : undefined;
  return {
    name,
    title: String(json.name),
    summary: schema.doc,
    contentType: 'application/vnd.apache.avro',
    headers: {
      type: 'object',
      properties: {
        [HEADER]: { type: 'string', description: 'Who the record is: version, revision, origin; packed, binary.' },
      },
    },
    payload: { schemaFormat: AVRO, schema: json },
    bindings: {
      kafka: {
        key: { type: 'string', description: id === undefined ? 'The id of the record.' : `\`${id}\`` },
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'TopicNameStrategy',
        bindingVersion: BINDING,
      },
    },
    'x-owner': schema.owner,
    'x-sensitivity': {
      highest: sensitivity,
      fields: Object.fromEntries(schema.fields.map((field) => [field.name, field.sensitivity])),
    },
  };
}

const deadLetterMessage = (): object => ({
  name: DEAD_LETTER,
  title: 'Dead letter',
  summary: 'The original key, value and headers, and beside them what was wrong (KIP-1191).',
  contentType: 'application/octet-stream',
  headers: {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries({
        [`${DLQ}topic`]: 'Where the record was read.',
        [`${DLQ}partition`]: 'Its partition there.',
        [`${DLQ}offset`]: 'Its offset there.',
        [`${DLQ}group`]: 'The group that rejected it.',
        [`${DLQ}message`]: 'What was wrong.',
        [`${FAULT}code`]: 'The code of what was wrong.',
        [`${FAULT}class`]: 'Its class.',
        [`${FAULT}station`]: 'The station that rejected it.',
        [`${FAULT}field`]: 'The field at fault, where there is one.',
        [`${FAULT}fingerprint`]: 'The same for the same cause.',
      }).map(([header, description]) => [header, { type: 'string', description }]),
    ),
  },
  payload: { description: 'The bytes of the original.' },
});

/** `qualify.receive`, `qualify.send`, of several outputs `part.send.orders.large`, of a lookup `locate.lookup.airports.reported`. */
const operationName = ({ station, action, topic }: Use): string =>
  action === 'lookup' || (action === 'send' && outputTopicsOf(station).length > 1)
    ? `${station.name}.${action}.${topic}`
    : `${station.name}.${action}`;

function operation({ flow }: Catalog, use: Use): object {
  const { station, topic, action } = use;
  const group = groupOf(flow, use);
  const groupId =
    action === 'lookup' ? { type: 'string', pattern: `^${escaped(group)}` } : { type: 'string', enum: [group] };
  return {
    action: action === 'send' ? 'send' : 'receive',
    channel: { $ref: `#/channels/${topic}` },
    summary: SUMMARY[action](station, topic),
    messages: [{ $ref: `#/channels/${topic}/messages/${topic}` }],
    ...(action !== 'send' && { bindings: { kafka: { groupId, bindingVersion: BINDING } } }),
    'x-station': { name: station.name, kind: station.kind },
  };
}

const SUMMARY: Readonly<Record<Use['action'], (station: StationSpec, topic: string) => string>> = {
  send: ({ name, kind }, topic) => `The ${kind} \`${name}\` writes \`${topic}\`.`,
  receive: ({ name, kind }, topic) => `The ${kind} \`${name}\` reads \`${topic}\`.`,
  lookup: ({ name, kind }, topic) => `Each process of the ${kind} \`${name}\` reads all of \`${topic}\`, to join it.`,
};

const rejection = ({ name, kind }: StationSpec, topic: string): object => ({
  action: 'send',
  channel: { $ref: `#/channels/${topic}` },
  summary: `The ${kind} \`${name}\` sets aside what it cannot use.`,
  messages: [{ $ref: `#/channels/${topic}/messages/${DEAD_LETTER}` }],
  'x-station': { name, kind },
});

const escaped = (text: string): string => text.replace(/[.]/g, '\\$&');
