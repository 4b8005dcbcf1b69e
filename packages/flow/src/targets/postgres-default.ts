/** What rows that stand already show in a column that is added: the default of its field, as every reader of old records sees it. */
import { Fault } from '@quadrille/record';
import { escapeLiteral } from 'pg';
import type { Field, FieldKind } from '../avro/field.ts';
import type { Column } from './postgres-columns.ts';

/** Kinds whose default in the schema is the value itself; that of a date or of bytes would have to be decoded. */
const PLAIN: ReadonlySet<FieldKind> = new Set(['boolean', 'int', 'long', 'float', 'double', 'string', 'enum', 'uuid']);

/** A field that old records can do without, and a column that rows can gain without being written anew. */
export const isAddable = (field: Field): boolean => field.nullable || hasPlainDefault(field);

const hasPlainDefault = ({ kind, default: value }: Field): boolean =>
  PLAIN.has(kind) && ['string', 'number', 'boolean'].includes(typeof value);

/**
 * The column as `ADD COLUMN` wants it. Its default stays: a loader that still runs with the former schema writes rows
 * without this column. PostgreSQL keeps a constant default apart, so that no row is rewritten.
 */
export function addedColumn(field: Field, { type }: Pick<Column, 'type'>): string {
  if (!hasPlainDefault(field)) return type;
  const text = String(field.default);
  if (text.includes('\0'))
    throw new Fault('TARGET_SCHEMA', 'its default holds a null character', { field: field.name });
  return `${type} DEFAULT ${escapeLiteral(text)}::${type}`;
}
