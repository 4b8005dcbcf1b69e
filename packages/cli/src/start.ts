/** The command `quadrille`: reads the command line, runs the command, ends with its exit code. */
import { createInterface } from 'node:readline/promises';
import { VERSION } from '@quadrille/station';
import type { Context } from './command.ts';
import { commands } from './commands/index.ts';
import { exitCodeOf, formatError } from './errors.ts';
import { EXIT } from './exit.ts';
import { wantsColour } from './print/colour.ts';
import { formatOf } from './print/output.ts';
import { parse } from './program.ts';

const { stdin, stdout, stderr, env } = process;

// A reader that has seen enough, as `| head` has, is no error.
for (const stream of [stdout, stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.done);
  });
}

const cancelling = new AbortController();
function cancel(): void {
  // Asked twice, it is meant at once; stations and servers end with this process.
  if (cancelling.signal.aborted) process.exit(EXIT.cancelled);
  cancelling.abort();
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, cancel);

process.exitCode = await main(process.argv.slice(2));
// What a broken connection leaves behind must not keep the command from ending.
setTimeout(() => process.exit(), 1_000).unref();

async function main(argv: string[]): Promise<number> {
  try {
    const parsed = await parse(commands, VERSION, argv, (text) => stdout.write(text));
    if (parsed === undefined) return EXIT.done;
    const { command, args, options } = parsed;
    // Before anything is started for a command line that cannot be right.
    if (command.lists === true) formatOf(options);
    return await command.run(contextOf(options.color), args, options);
  } catch (error) {
    stderr.write(`${formatError(error, env.QUADRILLE_LOG === 'debug')}\n`);
    return exitCodeOf(error);
  }
}

function contextOf(color: string | boolean | undefined): Context {
  return {
    cwd: process.cwd(),
    env,
    out: (text) => void stdout.write(text),
    err: (line) => void stderr.write(`${line}\n`),
    terminal: stderr.isTTY === true && env.TERM !== 'dumb' ? terminal() : undefined,
    ask: stdin.isTTY === true && stderr.isTTY === true ? ask : undefined,
    colour: wantsColour(typeof color === 'string' ? color : undefined, env, stderr.isTTY === true),
    cancel: cancelling.signal,
  };
}

function terminal(): NonNullable<Context['terminal']> {
  return {
    get columns() {
      return stderr.columns ?? 80;
    },
    get rows() {
      return stderr.rows ?? 24;
    },
    onResize: (call) => {
      stderr.on('resize', call);
      return () => stderr.off('resize', call);
    },
    write: (text) => void stderr.write(text),
  };
}

async function ask(question: string): Promise<string> {
  const reader = createInterface({ input: stdin, output: stderr });
  try {
    return await reader.question(question, { signal: cancelling.signal });
  } finally {
    reader.close();
  }
}
