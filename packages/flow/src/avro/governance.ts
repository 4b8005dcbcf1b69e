/** What every schema has to say of its event, beside what Avro needs: who answers for it, what it means, who may see it. */
import type { JsonPath } from './schema-problem.ts';
import { isSensitivity, SENSITIVITIES } from './sensitivity.ts';

export interface Omission {
  path: JsonPath;
  what: string;
  help: string;
}

interface RecordSchema {
  type?: unknown;
  name?: unknown;
  owner?: unknown;
  doc?: unknown;
  sensitivity?: unknown;
  fields?: unknown;
}

const WORDS = SENSITIVITIES.join(', ');

/**
 * Everything that is missing: `owner` and `doc` of the event, `doc` of every field, also within, and a sensitivity for
 * each (its own, or its record's).
 * @param schema parsed JSON of a topic's schema, a valid record.
 */
export function omissionsOf(schema: unknown): Omission[] {
  const found: Omission[] = [];
  const { owner, doc } = schema as RecordSchema;
  if (!isText(owner))
    found.push({ path: ['owner'], what: 'nobody answers for it: no `owner`', help: 'add `"owner": "<team>"`' });
  if (!isText(doc))
    found.push({
      path: ['doc'],
      what: 'it does not say what the event means: no `doc`',
      help: 'add `"doc": "<one sentence>"`',
    });
  record(schema as RecordSchema, [], undefined, '', found);
  return found;
}

function record(schema: RecordSchema, path: JsonPath, otherwise: unknown, name: string, found: Omission[]): void {
  word(schema.sensitivity, [...path, 'sensitivity'], found);
  const standard = schema.sensitivity ?? otherwise;
  if (!Array.isArray(schema.fields)) return;
  for (const [at, field] of schema.fields.entries()) {
    const { name: own, doc, sensitivity, type } = field as RecordSchema;
    const here = [...path, 'fields', at];
    const called = name === '' ? String(own) : `${name}.${String(own)}`;
    if (!isText(doc))
      found.push({
        path: here,
        what: `field \`${called}\` does not say what it means: no \`doc\``,
        help: 'add `"doc": "<what it is, and its unit>"`',
      });
    word(sensitivity, [...here, 'sensitivity'], found);
    if (sensitivity === undefined && standard === undefined)
      found.push({
        path: here,
        what: `field \`${called}\` does not say who may see it: no \`sensitivity\``,
        help: `add \`"sensitivity"\` to it, or to its record for all of its fields: ${WORDS}`,
      });
    within(type, [...here, 'type'], sensitivity ?? standard, called, found);
  }
}

/** Records within a type, wherever they are defined. */
function within(type: unknown, path: JsonPath, standard: unknown, name: string, found: Omission[]): void {
  if (Array.isArray(type)) {
    for (const [at, branch] of type.entries()) within(branch, [...path, at], standard, name, found);
  } else if (typeof type === 'object' && type !== null) {
    const { type: inner, items, values } = type as { type?: unknown; items?: unknown; values?: unknown };
    if (inner === 'record') record(type as RecordSchema, path, standard, name, found);
    else within(inner, [...path, 'type'], standard, name, found);
    within(items, [...path, 'items'], standard, `${name}[]`, found);
    within(values, [...path, 'values'], standard, `${name}{}`, found);
  }
}

function word(sensitivity: unknown, path: JsonPath, found: Omission[]): void {
  if (sensitivity === undefined || isSensitivity(sensitivity)) return;
  found.push({ path, what: `\`sensitivity\` is ${JSON.stringify(sensitivity)}`, help: `one of: ${WORDS}` });
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';
