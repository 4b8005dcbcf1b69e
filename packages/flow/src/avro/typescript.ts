/** TypeScript types of schemas, one file beside each .avsc: what rules are written against. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Field, type FieldKind, fieldsOf } from './field.ts';
import { parseTopicSchema } from './topic-schema.ts';

export interface GeneratedTypes {
  /** The .ts file, absolute. */
  file: string;
  text: string;
  /** Whether the file already holds this text. */
  isCurrent: boolean;
}

/**
 * The types of every schema of a flow in a folder (Quadrille's own topics have theirs in code), sorted by file; writes
 * nothing, `quadrille types` does.
 * @throws Fault SCHEMA_INVALID
 */
export async function generateTypes(folder: string): Promise<GeneratedTypes[]> {
  const names = (await readdir(folder))
    .filter((name) => name.endsWith('.avsc') && !name.startsWith('quadrille.'))
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const source = join(folder, name);
      const topic = name.slice(0, -'.avsc'.length);
      const text = typesOf(parseTopicSchema(await readFile(source, 'utf8'), topic, source).text, name);
      const file = join(folder, `${topic}.ts`);
      return { file, text, isCurrent: (await readFile(file, 'utf8').catch(() => '')) === text };
    }),
  );
}

interface JsonRecord {
  name: string;
  doc?: string;
  type: string;
  symbols?: string[];
  items?: unknown;
  values?: unknown;
}

/** The file's text for one schema. */
function typesOf(schema: string, name: string): string {
  const declarations: string[] = [];
  const known = new Set<string>();
  declare(JSON.parse(schema) as JsonRecord, declarations, known);
  return `/** Generated from ${name} by \`quadrille types\`; not to be edited. */\n\n${declarations.join('\n\n')}\n`;
}

function declare(record: JsonRecord, into: string[], known: Set<string>): string {
  const name = typeName(record.name);
  if (known.has(name)) return name;
  known.add(name);
  const at = into.length;
  const lines = fieldsOf(record).map((field) => {
    const { doc } = field;
    const type = typeOfField(field, into, known);
    const comment = [doc, UNITS[field.kind]].filter(Boolean).join(' ');
    return `${comment === '' ? '' : `  /** ${comment} */\n`}  ${field.name}: ${type}${field.nullable && type !== 'null' ? ' | null' : ''};`;
  });
  const doc = record.doc === undefined ? '' : `/** ${record.doc} */\n`;
  into.splice(at, 0, `${doc}export interface ${name} {\n${lines.join('\n')}\n}`);
  return name;
}

const UNITS: Partial<Record<FieldKind, string>> = {
  'timestamp-millis': '(ms since the epoch)',
  'timestamp-micros': '(µs since the epoch)',
  'local-timestamp-millis': '(ms since the epoch, local)',
  'local-timestamp-micros': '(µs since the epoch, local)',
  'time-millis': '(ms since midnight)',
  'time-micros': '(µs since midnight)',
  date: '(YYYY-MM-DD)',
  decimal: '(decimal text)',
};

const SIMPLE: Partial<Record<FieldKind, string>> = {
  null: 'null',
  boolean: 'boolean',
  string: 'string',
  uuid: 'string',
  date: 'string',
  decimal: 'string',
  bytes: 'Buffer',
  fixed: 'Buffer',
};

function typeOfField(
  field: Pick<Field, 'kind' | 'schema' | 'bigint' | 'symbols'>,
  into: string[],
  known: Set<string>,
): string {
  const simple = SIMPLE[field.kind];
  if (simple !== undefined) return simple;
  const schema = field.schema as JsonRecord | string;
  switch (field.kind) {
    case 'enum':
      return (field.symbols ?? []).map((symbol) => `'${symbol}'`).join(' | ');
    case 'record':
      return typeof schema === 'string' ? typeName(schema) : declare(schema, into, known);
    case 'array':
      return `Array<${typeOfPart((schema as JsonRecord).items, into, known)}>`;
    case 'map':
      return `Record<string, ${typeOfPart((schema as JsonRecord).values, into, known)}>`;
    case 'union':
      return (field.schema as unknown[]).map((branch) => typeOfPart(branch, into, known)).join(' | ');
    default:
      return field.bigint ? 'bigint' : 'number';
  }
}

/** The type of an item, a value or a branch: as if it were the only field of a record. */
function typeOfPart(type: unknown, into: string[], known: Set<string>): string {
  const [field] = fieldsOf({ fields: [{ name: 'part', type }] });
  if (field === undefined) return 'unknown';
  const text = typeOfField(field, into, known);
  return field.nullable && text !== 'null' ? `${text} | null` : text;
}

const typeName = (name: string): string => name.replace(/^.*\./, '');
