/** `quadrille dlq edit`: corrects one dead letter by hand. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '@quadrille/record';
import type { CorrectionResult, DeadLetterDetail } from '@quadrille/replay/api';
import { type Command, type Context, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printable } from '../print/values.ts';
import { ServiceError } from '../replay/client.ts';
import { changeLines, changesOf } from '../replay/difference.ts';
import { edited } from '../replay/editor.ts';
import { lettersNamed, NAMES } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const dlqEdit: Command = {
  path: 'dlq edit',
  summary: 'correct one dead letter in an editor, or by a file',
  description:
    'The value opens as JSON in $VISUAL or $EDITOR, with its schema above it. It is checked against the schema before it is kept; the original stays. Send it with `dlq replay`.',
  arguments: [['NAME', NAMES]],
  options: [
    ['--value <file>', 'take the corrected value from this file, - for stdin, instead of an editor'],
    ['--reason <text>', 'why; stands in the audit'],
    ['--execute', 'keep it; without, it is asked for on a terminal, and only shown otherwise'],
  ],
  examples: ['dlq edit 3f2a9c', 'dlq edit 3f2a9c --value mended.json --reason "mistyped" --execute'],
  run: (context, [name], options) =>
    withReplay(context, async (client) => {
      const [letter, second] = await lettersNamed(client, [name!]);
      if (second !== undefined)
        throw new Fault('USAGE', `${name} has several dead letters`, { help: 'name one by its id' });
      const detail = await client.get<DeadLetterDetail>(`/v1/dead-letters/${letter!.id}`);
      const source = text(options, 'value');
      const post = (value: unknown, execute: boolean): Promise<CorrectionResult> =>
        client.post('/v1/corrections', {
          items: [{ deadLetter: detail.id, edition: detail.edition, value }],
          ...(text(options, 'reason') === undefined ? {} : { reason: text(options, 'reason') }),
          execute,
        });
      const accepted = async (content: string, place: string): Promise<unknown> => {
        const value = parsed(content, place);
        if (!isDeepStrictEqual(value, detail.value)) refuse(400, await post(value, false));
        return value;
      };
      const value =
        source === undefined
          ? await edited(context, detail.id, contentOf(detail), accepted)
          : await accepted(contentAt(context, source), source);
      if (isDeepStrictEqual(value, detail.value)) {
        context.err('nothing was changed');
        return EXIT.done;
      }
      context.out(`${changeLines(changesOf(detail.value, value)).join('\n')}\n`);
      const keep = options.execute === true || (source === undefined && (await confirmed(context)));
      if (!keep) {
        context.err('not kept; --execute keeps it');
        return EXIT.done;
      }
      refuse(409, await post(value, true));
      context.err(`kept; send it with \`quadrille dlq replay ${detail.id} --execute\``);
      return EXIT.done;
    }),
};

/** @throws Fault USAGE */
function contentAt({ cwd }: Context, source: string): string {
  try {
    return readFileSync(source === '-' ? 0 : resolve(cwd, source), 'utf8');
  } catch (error) {
    throw new Fault('USAGE', `--value ${source}: ${(error as Error).message}`, {
      help: 'name a file that holds the whole corrected value as JSON',
    });
  }
}

/** @throws ServiceError */
function refuse(status: number, { problems }: CorrectionResult): void {
  if (problems.length > 0)
    throw new ServiceError(
      status,
      problems.map(({ fault }) => fault),
    );
}

const confirmed = async ({ ask }: Context): Promise<boolean> =>
  ask !== undefined && /^y(es)?$/i.test((await ask('keep this correction? [y/N] ')).trim());

/** Lines that begin with // are left out: JSON has no comments, people do. */
function parsed(content: string, place: string): unknown {
  const json = content
    .split('\n')
    .map((line) => (/^\s*\/\//.test(line) ? '' : line))
    .join('\n');
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new Fault('ANSWER_INVALID', (error as Error).message, {
      place,
      help: `nothing was changed; mend the file and take it with --value ${place}`,
    });
  }
}

function contentOf({ id, code, message, field, fields, problem, value }: DeadLetterDetail): string {
  return [
    `// ${id}: ${code}${field === null ? '' : ` (${field})`}`,
    `// ${printable(message)}`,
    ...(problem === null ? [] : [`// the original cannot be decoded (${printable(problem)}): write the whole value`]),
    '//',
    ...fields.map(({ name, type, doc }) => `// ${name}: ${type}${doc === '' ? '' : `  ${printable(doc)}`}`),
    JSON.stringify(value, null, 2),
    '',
  ].join('\n');
}
