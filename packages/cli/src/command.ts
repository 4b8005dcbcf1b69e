/**
 * What a command is. To add one: a file in commands/ that exports a `Command`, and a line in commands/index.ts; its
 * help, its place in docs/reference/cli.md and its completion follow from it.
 */
import { Fault } from '@quadrille/record';
import type { ExitCode } from './exit.ts';

/** Where a command runs. Data goes to `out`, everything for people to `err`. */
export interface Context {
  /** Absolute; the stack's state is its folder `.quadrille`. */
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(line: string): void;
  /** What stderr is: undefined when it is no terminal. Its size may change. */
  terminal:
    | { columns: number; rows: number; onResize(call: () => void): () => void; write(text: string): void }
    | undefined;
  /** Whether a person can be asked on stdin. */
  ask: ((question: string) => Promise<string>) | undefined;
  colour: boolean;
  /** Aborted by Ctrl-C or SIGTERM: finish in order. */
  cancel: AbortSignal;
}

export type Options = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  /** As typed, e.g. `flow status`. */
  path: string;
  /** One line. */
  summary: string;
  /** More, for --help and the reference. */
  description?: string;
  /** `FLOW` is needed, `[FLOW]` may be left out, `[PLACE...]` takes the rest. */
  arguments?: readonly (readonly [name: string, description: string])[];
  options?: readonly (readonly [flags: string, description: string])[];
  /** Takes `-o table|wide|json|jsonl`. */
  lists?: boolean;
  examples: readonly string[];
  /** @throws Fault and the like, for `reportError`. */
  run(context: Context, args: readonly string[], options: Options): Promise<ExitCode>;
}

/** The text of an option, undefined when it was left out. */
export const text = (options: Options, name: string): string | undefined => {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
};

/** An option that is a whole number. @throws Fault USAGE */
export function wholeNumber(options: Options, name: string, least = 0): number | undefined {
  const given = text(options, name);
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new Fault('USAGE', `--${name} ${given} is not a whole number from ${least}`, {
    help: `e.g. --${name} ${Math.max(least, 20)}`,
  });
}
