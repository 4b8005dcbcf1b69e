/** What the conformance suite of targets works with: the fixture a target type gives, and rows of one small schema. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  type Field,
  fieldsOf,
  type Outcome,
  type Target,
  type TargetFeatures,
  type TargetRow,
  typeOf,
} from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type avsc from 'avsc';

export interface TargetFixture {
  /** The target type, with its mode where it has several. */
  name: string;
  /** What the type declares of this mode. */
  features: TargetFeatures;
  /** Why it cannot run here; undefined when it can. */
  skip: string | undefined;
  /** Why a part of the sample is not there: the tests that need it are skipped, and say so. */
  lacks?: Partial<Record<Part, string>>;
  /** A place to write to, of this test alone, removed by `t.after`. */
  prepare(t: TestContext, schema: { type: avsc.Type; fields: readonly Field[] }): Promise<TargetSample>;
}

export interface TargetSample {
  /** A target not yet opened; each call another instance on the same place. The suite closes it. */
  create(): Target;
  /**
   * What stands there, or what was delivered, sorted by id, and as it came; several times what was delivered several times.
   * `mark` changes whenever the row is touched, also when it looks the same after.
   */
  stored(): Promise<StoredRow[]>;
  /** A value of field `text` that Avro holds and the target refuses. */
  poison?: string;
  /** Nothing answers any more, and open connections are cut, until `up`. */
  down?(): Promise<void>;
  up?(): Promise<void>;
  /** Cuts every connection, and takes new ones at once. */
  cut?(): Promise<void>;
  /** How many connections an instance may have, and the most that were open at once. */
  connections?: { cap: number; peak(): number };
  /** How another process makes the same target. */
  process?: ChildTarget;
}

export type Part = 'find' | 'poison' | 'order' | 'down' | 'cut' | 'connections' | 'process';

/** An entry of a flow file, with what its process has in its environment. */
export interface ChildTarget {
  type: string;
  config: object;
  folder?: string;
  env: Record<string, string>;
}

export interface StoredRow {
  id: string;
  version: bigint;
  revision: number;
  deleted: boolean;
  text: string | null;
  amount: number | null;
  mark: string;
}

const SCHEMA = {
  type: 'record',
  name: 'Sample',
  fields: [
    { name: 'text', type: 'string' },
    { name: 'amount', type: ['null', 'long'], default: null },
  ],
};
export const SCHEMA_TEXT = JSON.stringify(SCHEMA);
export const schema = { type: typeOf(SCHEMA), fields: fieldsOf(SCHEMA) };

type Given = Partial<Omit<TargetRow, 'value' | 'bytes' | 'version'>> & {
  version?: number;
  text?: string | null;
  amount?: number | null;
};

/** A row; `text: null` is a deletion. */
export function row({
  id = 'a',
  version = 1,
  revision = 0,
  topic = 'sample',
  partition = 0,
  offset = 0,
  timestamp = 1_700_000_000_000,
  text = 'x',
  amount = 1,
}: Given = {}): TargetRow {
  const value = text === null ? null : { text, amount };
  return {
    id,
    version: BigInt(version),
    revision,
    topic,
    partition,
    offset,
    timestamp,
    value,
    bytes: value === null ? null : schema.type.toBuffer(value),
  };
}

/** The state without marks. */
export const seen = (stored: StoredRow[]): Omit<StoredRow, 'mark'>[] => stored.map(({ mark, ...rest }) => rest);

/** Once each of what was delivered; the same id, version and revision with other content fails. */
export function distinct(stored: StoredRow[]): Omit<StoredRow, 'mark'>[] {
  const once = new Map<string, Omit<StoredRow, 'mark'>>();
  for (const row of seen(stored)) {
    const identity = `${row.version}/${row.revision}/${row.id}`;
    const before = once.get(identity);
    if (before !== undefined) assert.deepEqual(row, before, 'one identity with two contents');
    else once.set(identity, row);
  }
  return [...once.values()];
}

/** mulberry32: the same numbers for the same seed. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** A cut may still be under way when the next write begins; the engine tries again, so does this. */
export async function writeUntilUp(target: Target, rows: TargetRow[]): Promise<(Outcome | Fault)[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await target.write(rows);
    } catch (error) {
      if (attempt === 20 || !(error instanceof Fault && error.class === 'dependency')) throw error;
    }
  }
}
