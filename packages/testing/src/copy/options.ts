/** What the command line asks for. */
import { parseArgs } from 'node:util';
import { Fault } from '@quadrille/record';
import { WAYS, type Way } from './ways.ts';

export interface CopyOptions {
  way: Way;
  /** Rows that are inserted; so many more changes are made of them. */
  rows: number;
  writers: number;
  /** How often the extractor is killed. */
  kills: number;
}

/** @throws Fault CONFIG_INVALID */
export function readOptions(args: readonly string[]): CopyOptions[] {
  const { values } = parse(args);
  const names = values.source?.split(',') ?? Object.keys(WAYS);
  const number = (name: 'rows' | 'writers' | 'kills', standing: number, least: number): number => {
    const value = Number(values[name] ?? standing);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw wrong(`--${name}`, `"${values[name]}" is not a whole number from ${least}`, `for example ${standing}`);
  };
  const numbers = {
    rows: number('rows', 100_000, 100),
    writers: number('writers', 4, 1),
    kills: number('kills', 5, 0),
  };
  return names.map((name) => {
    const way = WAYS[name];
    if (way === undefined) throw wrong('--source', `there is no ${name}`, `any of ${Object.keys(WAYS).join(',')}`);
    return { way, ...numbers };
  });
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        source: { type: 'string' },
        rows: { type: 'string' },
        writers: { type: 'string' },
        kills: { type: 'string' },
      },
    });
  } catch (error) {
    throw wrong('copy', (error as Error).message, 'see docs/how-to/read-from-postgresql.md');
  }
}

const wrong = (place: string, what: string, help: string): Fault => new Fault('CONFIG_INVALID', what, { place, help });
