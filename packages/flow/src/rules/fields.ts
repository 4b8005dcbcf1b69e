/** Which fields a rule may meet, and what stands in them when an example says nothing. */
import type { Field } from '../avro/field.ts';

/**
 * The fields of a chain of rules: those of the output schema, of the other topics that rules send records to, and of
 * the input schema. Where several have a field the output's type counts, since the rules before may have set it.
 * @param outputs of the station's topics in their order.
 */
export function chainFields(input: readonly Field[], ...outputs: readonly (readonly Field[])[]): Field[] {
  let fields = input;
  for (const output of outputs.toReversed()) {
    const names = new Set(output.map(({ name }) => name));
    fields = [...fields.filter(({ name }) => !names.has(name)), ...output];
  }
  return [...fields];
}

/** The default of the schema, null, or the type's zero. */
export function defaultOf(field: Field): unknown {
  if (field.default !== undefined) return structuredClone(field.default);
  if (field.nullable) return null;
  switch (field.kind) {
    case 'boolean':
      return false;
    case 'int':
    case 'float':
    case 'double':
    case 'time-millis':
    case 'time-micros':
      return 0;
    case 'long':
    case 'timestamp-millis':
    case 'timestamp-micros':
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
      return field.bigint ? 0n : 0;
    case 'string':
      return '';
    case 'uuid':
      return '00000000-0000-0000-0000-000000000000';
    case 'enum':
      return field.symbols?.[0] ?? '';
    case 'decimal':
      return (0).toFixed(field.scale ?? 0);
    case 'date':
      return '1970-01-01';
    case 'bytes':
    case 'fixed':
      return Buffer.alloc(field.size ?? 0);
    case 'array':
      return [];
    case 'map':
    case 'record':
      return {};
    default:
      return null;
  }
}

/**
 * A value as people write it, as the codec gives it: an instant as ISO 8601 text, a big long as a number.
 * Everything else stays as it is.
 */
export function fromWritten(value: unknown, field: Field): unknown {
  if (typeof value === 'string' && /^(local-)?timestamp-/.test(field.kind)) {
    // Without a zone it is UTC, as in SQL.
    const ms = Date.parse(
      /(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value.replace(' ', 'T')}${value.length > 10 ? 'Z' : ''}`,
    );
    if (Number.isNaN(ms)) return value;
    const number = field.kind.endsWith('micros') ? ms * 1000 : ms;
    return field.bigint ? BigInt(number) : number;
  }
  if (field.bigint && typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  return value;
}
