/** `quadrille dlq export`: dead letters with their values, for other tools. */
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { Fault } from '@quadrille/record';
import type { DeadLetterWithValue } from '@quadrille/replay/api';
import { type Command, type Context, text, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { toJson } from '../print/output.ts';
import { count } from '../print/values.ts';
import { queryOf, SELECTION_OPTIONS, unsettled } from '../replay/selection.ts';
import { withReplay } from '../replay/service.ts';

export const dlqExport: Command = {
  path: 'dlq export',
  summary: 'write dead letters with their values as NDJSON',
  description:
    'One a line: what `dlq list -o jsonl` tells, the decoded value, and original key, value and headers in base64.',
  options: [
    ...SELECTION_OPTIONS,
    ['--limit <n>', 'at most so many (default: all)'],
    ['--out <file>', 'into this file instead of stdout'],
  ],
  examples: ['dlq export --group 9b1c > broken.ndjson', 'dlq export --code FIELD_INVALID --out broken.ndjson'],
  run: async (context, _, options) => {
    const out = text(options, 'out');
    const file = out === undefined ? undefined : await opened(context, out);
    const closed = file && finished(file);
    // A disk that is full is told when it is awaited.
    closed?.catch(() => {});
    const written = await withReplay(context, async (client) => {
      let lines = 0;
      const query = { ...queryOf(unsettled(options)), values: true };
      for await (const letter of client.all<DeadLetterWithValue>(
        '/v1/dead-letters',
        query,
        wholeNumber(options, 'limit', 1),
      )) {
        const line = `${toJson(letter)}\n`;
        if (file === undefined) context.out(line);
        else if (!file.write(line)) await once(file, 'drain');
        lines++;
      }
      return lines;
    });
    file?.end();
    await closed;
    context.err(`${count(written)} dead letters written`);
    return EXIT.done;
  },
};

/** Before anything is asked for. @throws Fault USAGE */
async function opened({ cwd }: Context, out: string): Promise<WriteStream> {
  const file = createWriteStream(resolve(cwd, out), { mode: 0o600 });
  try {
    await once(file, 'open');
  } catch (error) {
    throw new Fault('USAGE', `--out ${out}: ${(error as Error).message}`, { help: 'name a file that can be written' });
  }
  return file;
}
