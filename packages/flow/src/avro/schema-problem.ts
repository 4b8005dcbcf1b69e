/** What keeps a schema from being used, each problem with its place in the file. */
import { closest } from '../closest.ts';
import { definitionsOf } from './sensitivity.ts';
import { typeOf } from './type.ts';

export type JsonPath = readonly (string | number)[];

export interface SchemaProblem {
  path: JsonPath;
  what: string;
  help?: string;
}

interface RecordSchema {
  type?: unknown;
  name?: unknown;
  fields?: unknown;
}

/**
 * Every field that cannot be used, and why; or what is wrong with the whole. [] when there is nothing.
 * @param schema parsed JSON.
 */
export function problemsOf(schema: unknown): SchemaProblem[] {
  const whole = reasonOf(schema);
  const { type, fields } = (schema ?? {}) as RecordSchema;
  if (whole === undefined) {
    return type === 'record' ? [] : [{ path: [], what: `the schema of a topic is a record, not ${shown(type)}` }];
  }
  if (type !== 'record' || !Array.isArray(fields)) return [{ path: [], what: whole }];
  const problems: SchemaProblem[] = [];
  // Fields are added one by one, since a field may use what one before it defines.
  const good: unknown[] = [];
  for (const [at, field] of fields.entries()) {
    const path = ['fields', at];
    const reason = ownReason(field) ?? reasonOf({ ...(schema as object), fields: [...good, field] });
    if (reason === undefined) good.push(field);
    // Said of the schema without fields too: the field has nothing to do with it.
    else if (reason !== reasonOf({ ...(schema as object), fields: good }))
      problems.push({ path, what: named(field, reason), ...helpOf(reason, schema) });
  }
  return problems.length > 0 ? problems : [{ path: [], what: whole }];
}

/** What the library tells in a way that nobody understands. */
function ownReason(field: unknown): string | undefined {
  if (typeof field !== 'object' || field === null || Array.isArray(field)) return 'is no object';
  if ((field as { name?: unknown }).name === undefined) return 'has no `name`';
  return (field as { type?: unknown }).type === undefined ? 'has no `type`' : undefined;
}

function reasonOf(schema: unknown): string | undefined {
  try {
    // Types of a schema are known by the object that defines them.
    typeOf(structuredClone(schema));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function named(field: unknown, reason: string): string {
  const { name } = (field ?? {}) as { name?: unknown };
  const subject = typeof name === 'string' ? `field \`${name}\`` : 'a field';
  if (/^(has|is) no /.test(reason)) return `${subject} ${reason}`;
  return `${subject}: ${/^duplicate field name/.test(reason) ? 'another field has this name' : reason}`;
}

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];

function helpOf(reason: string, schema: unknown): { help?: string } {
  // The library adds the namespace of the record to a name that has none.
  const word = /^undefined type name: (?:\S+\.)?(\S+)/.exec(reason)?.[1];
  if (word !== undefined) {
    const near = closest(word, [...PRIMITIVES, ...definitionsOf(schema).keys()]);
    return near === undefined ? {} : { help: `did you mean \`${near}\`?` };
  }
  if (/^incompatible field default/.test(reason))
    return { help: 'a default is of the type; of a union, of its first branch: put `"null"` first for a default null' };
  if (/^ambiguous unwrapped union/.test(reason))
    return { help: 'branches must differ in JavaScript, see docs/reference/schemas.md' };
  return {};
}

const shown = (type: unknown): string => (typeof type === 'string' ? type : type === undefined ? 'nothing' : 'that');
