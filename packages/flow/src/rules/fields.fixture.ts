/** Fields for tests, without a schema around them. */
import type { Field, FieldKind } from '../avro/field.ts';

export const field = (name: string, kind: FieldKind, more: Partial<Field> = {}): Field => ({
  name,
  doc: '',
  kind,
  nullable: true,
  bigint: false,
  sensitive: false,
  default: undefined,
  schema: kind,
  ...more,
});
