/** `quadrille dlq show`: one dead letter with everything that is known about it. */
import { Fault } from '@quadrille/record';
import type { DeadLetterDetail } from '@quadrille/replay/api';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { formatOf, toJson } from '../print/output.ts';
import { tableLines } from '../print/table.ts';
import { printable } from '../print/values.ts';
import { lettersNamed, NAMES } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const dlqShow: Command = {
  path: 'dlq show',
  summary: 'show one dead letter: value beside schema, fault, origin, attempts, corrections',
  arguments: [['NAME', NAMES]],
  lists: true,
  examples: ['dlq show 3f2a9c', "dlq show 'dlq.flights.qualified[0]@12' -o json"],
  run: async (context, [name], options) => {
    const format = formatOf(options);
    const detail = await withReplay(context, async (client) => {
      const letters = await lettersNamed(client, [name!]);
      if (letters.length > 1)
        throw new Fault('USAGE', `${name} has ${letters.length} dead letters`, {
          help: `name one: ${letters.map(({ id, station }) => `${id} (${station})`).join(', ')}`,
        });
      return client.get<DeadLetterDetail>(`/v1/dead-letters/${letters[0]!.id}`);
    });
    if (format === 'json' || format === 'jsonl') context.out(`${toJson(detail, format === 'json' ? 2 : undefined)}\n`);
    else
      context.out(
        `${[...facts(detail), '', ...value(detail), ...history(detail), '', ...headers(detail)].join('\n')}\n`,
      );
    return EXIT.done;
  },
};

const placeOf = ({ topic, partition, offset }: DeadLetterDetail['at']): string => `${topic}[${partition}]@${offset}`;

function facts(letter: DeadLetterDetail): string[] {
  const { resolution } = letter;
  const settled =
    resolution === null
      ? undefined
      : [resolution.verdict, resolution.code, resolution.reason, resolution.by && `by ${resolution.by}`, resolution.at]
          .filter(Boolean)
          .join(', ');
  const rows: [string, string | null | undefined][] = [
    ['dead letter', `${letter.id}, ${letter.state}${letter.corrected ? ', a correction waits' : ''}`],
    ['settled', settled],
    ...letter.downstream.map((d): [string, string] => [
      `  ${d.station}`,
      [d.verdict, d.outcome, d.code, d.deadLetter && `dead letter ${d.deadLetter}`].filter(Boolean).join(', '),
    ]),
    ['code', `${letter.code} (${letter.class})`],
    ['message', letter.message],
    ['field', letter.field],
    ['station', `${letter.flow}.${letter.station}`],
    ['place', letter.place],
    ['record', letter.recordId],
    ['version', letter.version === null ? null : `${letter.version}, revision ${letter.revision}`],
    ['at', placeOf(letter.at)],
    ['from', placeOf(letter.source)],
    ['key', letter.key],
    ['group', letter.fingerprint],
    [
      'failed',
      letter.attempts === 1 ? letter.last : `${letter.attempts} times, first ${letter.first}, last ${letter.last}`,
    ],
    ['replay', letter.replay],
    ['service', letter.service],
    ['lineage', letter.recordId === null ? null : `quadrille trace '${letter.recordId}' --flow ${letter.flow}`],
  ];
  const lines = rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== null)
    .map(([name, text]) => `${`${name}:`.padEnd(13)}${printable(text)}`);
  return letter.stack === null
    ? lines
    : [...lines, 'stack:', ...letter.stack.split('\n').map((l) => `  ${printable(l)}`)];
}

function value({ fields, problem, text, schemaId, masked }: DeadLetterDetail): string[] {
  if (problem !== null) return [`value, not decoded (${problem}):`, `  ${printable(text ?? '')}`];
  const lines = tableLines(
    [
      { name: 'FIELD', of: (row) => row.name },
      { name: 'TYPE', of: (row) => row.type },
      { name: 'VALUE', of: (row) => (typeof row.value === 'string' ? row.value : toJson(row.value)) },
      { name: 'DOC', of: (row) => row.doc },
    ],
    fields,
  );
  const hidden = masked.length === 0 ? '' : `; masked for your role: ${masked.join(', ')}`;
  return [`value${schemaId === null ? '' : `, by schema ${schemaId}`}${hidden}:`, ...lines.map((line) => `  ${line}`)];
}

function history({ history, corrections, before, after }: DeadLetterDetail): string[] {
  const lines: string[] = [];
  if (history.length > 1) {
    lines.push('', 'attempts:');
    for (const each of history)
      lines.push(
        `  ${each.at}  revision ${each.revision}  ${each.code}  ${printable(each.message)}${each.replay === null ? '' : `  (${each.replay})`}`,
      );
  }
  if (corrections.length > 0) {
    lines.push('', 'corrections:');
    for (const each of corrections)
      lines.push(
        `  ${each.number}  ${each.at}  by ${each.by}  ${each.revision === null ? 'waits' : `sent as revision ${each.revision}`}  ${printable(each.reason)}`,
      );
  }
  if (before.length + after.length > 0) {
    lines.push('', 'records of the same key:');
    for (const [word, list] of [
      ['before', before],
      ['after', after],
    ] as const)
      for (const each of list)
        lines.push(
          `  ${word.padEnd(6)}  ${placeOf(each.at)}  ${each.time}  version ${each.version ?? '-'}  ${each.verdict}`,
        );
  }
  return lines;
}

const headers = (letter: DeadLetterDetail): string[] => [
  'headers:',
  ...letter.headers.map(({ name, value }) => `  ${name}: ${printable(value)}`),
];
