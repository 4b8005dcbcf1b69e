/** A row as JSON, for targets that send it on: who it is beside what it holds. */
import type { Field } from '../avro/field.ts';
import { valueToJson } from '../avro/json.ts';
import { schemaOfFields } from '../avro/record-schema.ts';
import type { TargetRow } from '../target.ts';

export interface ItemWriter {
  /** The value alone, as avro/json.ts writes it; `null` for a deletion. */
  value(row: TargetRow): string;
  /** `{"id", "version", "revision", "deleted", "value"}`; the version as text, since it has 64 bits. */
  record(row: TargetRow): string;
}

export function itemWriter(fields: readonly Field[]): ItemWriter {
  const schema = schemaOfFields(fields);
  const value = (row: TargetRow): string =>
    row.value === null ? 'null' : JSON.stringify(valueToJson(schema, row.value));
  return {
    value,
    record: (row) =>
      `{"id":${JSON.stringify(row.id)},"version":"${row.version}","revision":${row.revision},"deleted":${row.value === null},"value":${value(row)}}`,
  };
}
