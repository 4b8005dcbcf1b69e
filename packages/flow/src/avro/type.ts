/**
 * Avro types with every option of avsc chosen: unions unwrapped, longs and logical types exact, collections bounded.
 * - A union with null is the value or null. Any other union is the bare value too, and refused where two of its branches
 *   look alike in JavaScript, so that adding a branch never changes how a value looks.
 */
import avsc from 'avsc';
import { bounded } from './bounded.ts';
import { LOGICAL } from './logical.ts';
import { bigLong, safeLong } from './longs.ts';
import { nullable } from './nullable.ts';
import { exactString } from './strings.ts';

interface SchemaObject {
  type?: unknown;
  logicalType?: unknown;
  longs?: unknown;
  fields?: unknown;
  [attribute: string]: unknown;
}

/**
 * The type of a parsed schema. Records decode to plain objects of one shape.
 * @throws Error when the schema is not valid, or not usable here.
 */
export function typeOf(schema: unknown): avsc.Type {
  const building = new WeakSet<object>();
  const typeHook = (part: unknown, opts: object): avsc.Type | undefined => {
    if (part === 'long') return safeLong;
    if (part === 'string') return exactString;
    if (typeof part !== 'object' || part === null) return undefined;
    const { type, logicalType, longs } = part as SchemaObject;
    const exact =
      type === 'string' ? exactString : type !== 'long' ? undefined : longs === 'bigint' ? bigLong : safeLong;
    // avsc comes by again with the same object while it builds what we asked for below.
    if (building.has(part)) return exact;
    building.add(part);
    if (typeof logicalType === 'string') {
      const logical = LOGICAL[logicalType];
      if (logical?.on.includes(type as string)) return new logical.type(part as SchemaObject, opts);
    }
    if (exact !== undefined) return exact;
    if (type === 'record' || type === 'error') return plainRecord(part as SchemaObject, opts);
    if (type === 'array' || type === 'map') return bounded(avsc.Type.forSchema(part as avsc.schema.AvroSchema, opts));
    if (Array.isArray(part) && part.length === 2 && part.includes('null'))
      return nullable(avsc.Type.forSchema(part, opts));
    return undefined;
  };
  return avsc.Type.forSchema(schema as avsc.schema.AvroSchema, {
    wrapUnions: 'never',
    omitRecordMethods: true,
    typeHook: typeHook as never,
  });
}

/** A record whose values are plain objects, so that they compare equal to literals; avsc gives each type a class. */
function plainRecord(schema: SchemaObject, opts: object): avsc.Type {
  for (const field of Array.isArray(schema.fields) ? schema.fields : []) {
    if ((field as { name?: unknown } | null)?.name === '__proto__') {
      throw new Error('a field may not be named `__proto__`: it would replace the record’s prototype');
    }
  }
  const record = avsc.Type.forSchema(schema as avsc.schema.AvroSchema, opts) as avsc.types.RecordType;
  record.recordConstructor.prototype = Object.prototype;
  return record;
}
