/** What the conformance suite of targets works with: the fixture a target type gives, and rows of one small schema. */
import type { TestContext } from 'node:test';
import { type Field, fieldsOf, type Outcome, type Target, type TargetRow, typeOf } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type avsc from 'avsc';

export interface TargetFixture {
  /** The target type. */
  name: string;
  /** Why it cannot run here; undefined when it can. */
  skip: string | undefined;
  /** A place to write to, of this test alone, removed by `t.after`. */
  prepare(t: TestContext, schema: { type: avsc.Type; fields: readonly Field[] }): Promise<TargetSample>;
}

export interface TargetSample {
  /** A target not yet opened; each call another instance on the same table. The suite closes it. */
  create(): Target;
  /** What stands there, sorted by id. `mark` changes whenever the row is touched, also when it looks the same after. */
  stored(): Promise<StoredRow[]>;
  /** A value of field `text` that Avro holds and the target refuses. */
  poison: string;
  /** Nothing answers any more, and open connections are cut, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Cuts every connection, and takes new ones at once. */
  cut(): Promise<void>;
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
    value,
    bytes: value === null ? null : schema.type.toBuffer(value),
  };
}

/** The state without marks. */
export const seen = (stored: StoredRow[]): unknown[] => stored.map(({ mark, ...rest }) => rest);

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
export async function writeUntilUp(target: Target, rows: TargetRow[]): Promise<Outcome[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await target.write(rows);
    } catch (error) {
      if (attempt === 20 || !(error instanceof Fault && error.class === 'dependency')) throw error;
    }
  }
}
