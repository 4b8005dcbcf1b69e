/** The columns that say who a row is, which version stands, and which record it came from. */
import { Fault } from '@quadrille/record';
import type { TargetRow } from '../target.ts';
import { ArrayParameter, OID } from './postgres-arrays.ts';
import type { Column } from './postgres-columns.ts';
import { contentHash } from './row-order.ts';

/** A column that the loader keeps itself. */
export interface OwnColumn {
  name: string;
  type: string;
  nullable: boolean;
}

/** In the order of a table made by us; `_loaded_at` comes after them, and from the database. */
export const BOOKKEEPING: readonly OwnColumn[] = [
  { name: '_id', type: 'text', nullable: false },
  { name: '_version', type: 'bigint', nullable: false },
  { name: '_revision', type: 'integer', nullable: false },
  { name: '_topic', type: 'text', nullable: false },
  { name: '_partition', type: 'integer', nullable: false },
  { name: '_offset', type: 'bigint', nullable: false },
  { name: '_hash', type: 'bytea', nullable: true },
  { name: '_deleted', type: 'boolean', nullable: false },
  { name: '_loaded_at', type: 'timestamp with time zone', nullable: false },
];

type Write = (to: ArrayParameter, row: TargetRow) => void;

const text = (to: ArrayParameter, value: string, field: string): void => {
  if (!to.addText(value)) throw new Fault('TARGET_REFUSED', 'text is not well-formed Unicode', { field });
};

const WRITES: Readonly<Record<string, [keyof typeof OID, Write]>> = {
  _id: ['text', (to, row) => text(to, row.id, '_id')],
  _version: ['int8', (to, row) => to.addInt8(row.version)],
  _revision: ['int4', (to, row) => to.addInt4(row.revision)],
  _topic: ['text', (to, row) => text(to, row.topic, '_topic')],
  _partition: ['int4', (to, row) => to.addInt4(row.partition)],
  _offset: ['int8', (to, row) => to.addInt8(row.offset)],
  _hash: ['bytea', (to, row) => (row.bytes === null ? to.addNull() : to.addLatin1(contentHash(row.bytes)))],
  _deleted: ['bool', (to, row) => to.addBool(row.value === null)],
};

/** The columns of BOOKKEEPING that a loader writes, in its order. */
export function bookkeepingColumns(): Column[] {
  return BOOKKEEPING.filter(({ name }) => WRITES[name] !== undefined).map(({ name, type }) => {
    const [element, write] = WRITES[name] as [keyof typeof OID, Write];
    const to = new ArrayParameter();
    return {
      name,
      type,
      accepts: (existing) => existing === type,
      parameter: `${element}[]`,
      cast: '',
      encode(rows) {
        to.begin(OID[element], rows.length);
        for (let i = 0; i < rows.length; i++) write(to, rows[i] as TargetRow);
        return to.finish();
      },
    };
  });
}
