/** `quadrille dlq show`: one dead letter with everything that is known about it. */

import { fieldsOf } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { Command } from '../command.ts';
import { AnyDecoder, type Decoded, headersOf } from '../decode.ts';
import { claimsOn } from '../dlq/claims.ts';
import { type DeadLetter, deadLetterOf, type KafkaRecord, nameOf } from '../dlq/dead-letter.ts';
import { placeFrom } from '../dlq/selection.ts';
import { EXIT } from '../exit.ts';
import { formatOf, toJson } from '../print/output.ts';
import { tableLines } from '../print/table.ts';
import { printable } from '../print/values.ts';
import { withServers } from '../servers.ts';

export const dlqShow: Command = {
  path: 'dlq show',
  summary: 'show one dead letter: value beside schema, fault, origin, headers',
  arguments: [['PLACE...', "'TOPIC[PARTITION]@OFFSET', as `dlq list` names it, or TOPIC PARTITION OFFSET"]],
  lists: true,
  examples: ["dlq show 'dlq.flights.qualified[0]@12'", 'dlq show dlq.flights.qualified 0 12 -o json'],
  run: async (context, words, options) => {
    const format = formatOf(options);
    const at = placeFrom(words);
    const { letter, record, decoded } = await withServers(context, async (servers) => {
      const nothing = (what: string): Fault =>
        new Fault('NOT_FOUND', what, { help: 'list what there is with `quadrille dlq list`' });
      const { topic, partition, offset } = at;
      if (!(await servers.admin.listTopics()).includes(topic)) throw nothing(`topic ${topic}`);
      const bounds = (await servers.admin.bounds(topic))[partition];
      if (bounds === undefined || offset < bounds.low || offset >= bounds.high)
        throw nothing(`${topic}[${partition}]@${offset}`);
      let found: KafkaRecord | undefined;
      await readRanges(servers.kafka, [{ topic, partition, from: offset, to: offset + 1 }], (_, __, message) => {
        found = message;
      });
      if (found === undefined) throw nothing(`${topic}[${partition}]@${offset}`);
      const claimantOf = await claimsOn(servers, [topic]);
      const letter = deadLetterOf(topic, partition, found, claimantOf(topic, partition, offset) !== undefined);
      if (letter === undefined)
        throw new Fault('NOT_FOUND', `${topic}[${partition}]@${offset} is no dead letter: it has no fault headers`);
      return { letter, record: found, decoded: await new AnyDecoder(servers.registry).decode(found.value) };
    });
    if (format === 'json' || format === 'jsonl')
      context.out(
        `${toJson({ ...letter, headers: headersOf(record), ...decodedPart(decoded) }, format === 'json' ? 2 : undefined)}\n`,
      );
    else context.out(`${[...faultLines(letter), '', ...valueLines(decoded), '', ...headerLines(record)].join('\n')}\n`);
    return EXIT.done;
  },
};

const decodedPart = (decoded: Decoded | null): object =>
  decoded === null
    ? { value: null }
    : 'problem' in decoded
      ? { undecoded: decoded.text, problem: decoded.problem }
      : { value: decoded.value, schemaId: decoded.schemaId, schema: decoded.schema };

function faultLines(letter: DeadLetter): string[] {
  const { source } = letter;
  const rows: [string, string | undefined][] = [
    ['dead letter', nameOf(letter)],
    ['code', `${letter.code} (${letter.class})`],
    ['message', letter.message],
    ['field', letter.field],
    ['station', letter.group],
    ['place', letter.place],
    ['from', `${source.topic}[${source.partition}]@${source.offset}`],
    ['key', letter.key ?? undefined],
    ['group', letter.fingerprint],
    [
      'failed',
      letter.deliveries === 1 ? letter.last : `${letter.deliveries} times, first ${letter.first}, last ${letter.last}`,
    ],
    ['service', letter.service],
    [
      'counts',
      letter.live ? 'yes' : 'no: no live part of the ledger claims it, an attempt that did not count has left it',
    ],
  ];
  const lines = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${`${name}:`.padEnd(13)}${printable(value!)}`);
  return letter.stack === undefined
    ? lines
    : [...lines, 'stack:', ...letter.stack.split('\n').map((line) => `  ${printable(line)}`)];
}

function valueLines(decoded: Decoded | null): string[] {
  if (decoded === null) return ['value: a tombstone, the id was deleted'];
  if ('problem' in decoded) return [`value, not decoded (${decoded.problem}):`, `  ${printable(decoded.text)}`];
  const value = decoded.value as Record<string, unknown>;
  const rows = fieldsOf(decoded.schema).map((field) => ({
    name: field.name,
    type: `${field.kind}${field.nullable ? '?' : ''}`,
    value: value[field.name],
    doc: field.doc,
  }));
  const lines = tableLines(
    [
      { name: 'FIELD', of: (row) => row.name },
      { name: 'TYPE', of: (row) => row.type },
      {
        name: 'VALUE',
        of: (row) => (row.value === null ? 'null' : typeof row.value === 'string' ? row.value : toJson(row.value)),
      },
      { name: 'DOC', of: (row) => row.doc },
    ],
    rows,
  );
  return [`value, by schema ${decoded.schemaId}:`, ...lines.map((line) => `  ${line}`)];
}

const headerLines = (record: KafkaRecord): string[] => [
  'headers:',
  ...Object.entries(headersOf(record)).map(
    ([name, value]) => `  ${name}: ${printable(typeof value === 'string' ? value : toJson(value))}`,
  ),
];
