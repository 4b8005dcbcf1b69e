/** The modes of the target `postgres`: which rows take each other's place, and what is beside them in the table. */
import type { Field } from '../avro/field.ts';
import type { TargetFeatures } from '../target.ts';
import { BOOKKEEPING, bookkeepingColumns, type OwnColumn } from './postgres-bookkeeping.ts';
import type { Column } from './postgres-columns.ts';
import { closePeriods, lockHistory, VALIDITY, validFromColumn } from './postgres-history.ts';
import type { Rival } from './row-order.ts';

export type PostgresMode = 'upsert' | 'append' | 'history';

export interface Mode {
  rival: Rival;
  /** The columns that tell rows apart, the first of BOOKKEEPING. */
  key: readonly string[];
  /** Every column that the loader keeps itself. */
  own: readonly OwnColumn[];
  /** What it writes into them, `key` first. */
  columns(validFrom: Field | undefined): Column[];
  /** Runs first in the transaction, without parameters. */
  before?(table: string): string;
  /** Runs last in the transaction; $1 are the ids. */
  after?(table: string): string;
}

export const MODES: Readonly<Record<PostgresMode, Mode>> = {
  upsert: { rival: 'id', key: ['_id'], own: BOOKKEEPING, columns: bookkeepingColumns },
  append: { rival: 'revision', key: ['_id', '_version', '_revision'], own: BOOKKEEPING, columns: bookkeepingColumns },
  history: {
    rival: 'version',
    key: ['_id', '_version'],
    own: [...BOOKKEEPING, ...VALIDITY],
    columns: (validFrom) => [...bookkeepingColumns(), validFromColumn(validFrom)],
    before: lockHistory,
    after: closePeriods,
  },
};

const all = { again: 'version', whole: true, dryRun: 'target' } as const;
export const FEATURES: Readonly<Record<PostgresMode, TargetFeatures>> = {
  upsert: { ...all, late: 'superseded', deletes: 'the row stays, with `_deleted`, id and version' },
  append: { ...all, late: 'kept', deletes: 'a row of its own, with `_deleted`' },
  history: { ...all, late: 'placed', deletes: 'a row of its own, with `_deleted`, that ends the one before' },
};
