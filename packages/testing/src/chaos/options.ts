/** What the command line asks for. */
import { parseArgs } from 'node:util';
import { Fault } from '@quadrille/record';

/** What may be done to a running flow. */
export const KINDS = ['kill', 'pause', 'join', 'broker', 'leaders', 'registry', 'database'] as const;
export type Kind = (typeof KINDS)[number];

export interface ChaosOptions {
  seed: number;
  /** Disturbed runs, with consecutive seeds, against one undisturbed run. */
  runs: number;
  brokers: 1 | 3;
  /** January only, each kind of harm once. */
  short: boolean;
  only: readonly Kind[];
  /** Stations that commit before they settle: the run must fail. */
  commitFirst: boolean;
  json: boolean;
  /** Keep the folder with logs and state also after a good run. */
  keep: boolean;
}

/** @throws Fault CONFIG_INVALID */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values } = parse(args);
  const only = (values.only?.split(',') ?? KINDS) as Kind[];
  const unknown = only.filter((kind) => !KINDS.includes(kind));
  if (unknown.length > 0) throw wrong('--only', `there is no ${unknown.join(', ')}`, `any of ${KINDS.join(',')}`);
  if (values.break !== undefined && values.break !== 'commit-first')
    throw wrong('--break', `"${values.break}"`, 'commit-first is the only one');
  const brokers = whole('--brokers', values.brokers ?? '1');
  if (brokers !== 1 && brokers !== 3) throw wrong('--brokers', `${brokers}`, '1 or 3');
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : whole('--seed', values.seed),
    runs: whole('--runs', values.runs ?? '1'),
    brokers,
    short: values.short ?? false,
    only,
    commitFirst: values.break !== undefined,
    json: values.json ?? false,
    keep: values.keep ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        runs: { type: 'string' },
        brokers: { type: 'string' },
        short: { type: 'boolean' },
        only: { type: 'string' },
        break: { type: 'string' },
        json: { type: 'boolean' },
        keep: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw wrong('chaos', (error as Error).message, 'see docs/how-to/run-chaos.md');
  }
}

/** The command line that does the same again, with one seed. */
export function commandOf(options: ChaosOptions, seed: number): string {
  const words = ['npm run chaos --', `--seed ${seed}`];
  if (options.brokers !== 1) words.push(`--brokers ${options.brokers}`);
  if (options.short) words.push('--short');
  if (options.only.length !== KINDS.length) words.push(`--only ${options.only.join(',')}`);
  if (options.commitFirst) words.push('--break commit-first');
  return words.join(' ');
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || text === '')
    throw wrong(name, `"${text}" is not a whole number`, 'for example 7');
  return value;
}

const wrong = (place: string, what: string, help: string): Fault => new Fault('CONFIG_INVALID', what, { place, help });
