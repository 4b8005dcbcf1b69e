/** A record's schema made of its fields again: without name, docs and defaults, for what needs the types alone. */
import type { Field } from './field.ts';

/** Values of the fields fit it, and `typeOf` and `valueToJson` take it; the bytes that it leads to are not those of a topic. */
export const schemaOfFields = (fields: readonly Field[]): object => ({
  type: 'record',
  name: 'Row',
  fields: fields.map(({ name, kind, nullable, schema }) => ({
    name,
    type: nullable && kind !== 'null' ? ['null', ...[schema].flat()] : schema,
  })),
});
