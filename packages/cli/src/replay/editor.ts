/** Lets a person edit a text in their editor until what they have written is accepted, or they leave it as it is. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '@quadrille/record';
import type { Context } from '../command.ts';
import { ServiceError } from './client.ts';

/** Lines that say why the last text was refused. */
const PROBLEM = '// ! ';

/**
 * Opens $VISUAL or $EDITOR. What `accept` refuses opens again with the reason above it; a refused text that comes back
 * unchanged ends it, and stays in the file that is named.
 * @param name of the file, without its ending.
 * @returns what `accept` makes of the text. @throws Fault USAGE; the last refusal.
 */
export async function edited<T>(
  context: Context,
  name: string,
  content: string,
  accept: (content: string, place: string) => Promise<T>,
): Promise<T> {
  if (context.terminal === undefined)
    throw new Fault('USAGE', '--value is missing', {
      help: 'there is no terminal to edit in: name a file, or - for stdin',
    });
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-edit-'));
  const file = join(folder, `${name}.json`);
  for (let [before, refusal] = [content, undefined as Error | undefined]; ; ) {
    const reason =
      refusal === undefined
        ? []
        : formatted(refusal)
            .split('\n')
            .map((line) => `${PROBLEM}${line}`);
    writeFileSync(file, [...reason, before].join('\n'), { mode: 0o600 });
    open(context, file);
    const after = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith(PROBLEM))
      .join('\n');
    if (refusal !== undefined && after === before) throw refusal;
    try {
      const result = await accept(after, file);
      rmSync(folder, { recursive: true });
      return result;
    } catch (error) {
      if (!(error instanceof Fault || (error instanceof ServiceError && error.status === 400))) throw error;
      [before, refusal] = [after, error];
    }
  }
}

const formatted = (error: Error): string =>
  error instanceof Fault || error instanceof ServiceError ? error.format() : error.message;

function open({ env }: Context, file: string): void {
  const editor = env.VISUAL || env.EDITOR || 'vi';
  const { status, error } = spawnSync(`${editor} "$0"`, [], {
    stdio: 'inherit',
    shell: '/bin/sh',
    argv0: file,
    env: { ...env },
  });
  if (error !== undefined || status !== 0)
    throw new Fault('USAGE', `the editor ${editor} ended with ${error?.message ?? status}`, {
      help: 'set EDITOR, or use --value',
    });
}
