/**
 * Which fields of a schema hold what not everybody may see: `"sensitivity": "sensitive"` at the field, or at the record
 * for all of its fields. A field counts as sensitive when one somewhere within its type does.
 */

export interface SchemaField {
  name: string;
  doc?: string;
  type: unknown;
  default?: unknown;
  sensitivity?: string;
}

/** The one word that has a meaning here; others (`public`, `internal`) are for people. */
export const SENSITIVE = 'sensitive';

interface TypeParts {
  name?: string;
  sensitivity?: string;
  fields?: SchemaField[];
  items?: unknown;
  values?: unknown;
  type?: unknown;
}

/** Every named type of a schema by its last name, wherever it is defined. */
export function definitionsOf(schema: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const walk = (type: unknown): void => {
    if (Array.isArray(type)) {
      for (const branch of type) walk(branch);
      return;
    }
    if (typeof type !== 'object' || type === null) return;
    const { name, fields, items, values, type: inner } = type as TypeParts;
    if (name !== undefined) found.set(shortName(name), type);
    for (const field of fields ?? []) walk(field.type);
    for (const part of [items, values, inner]) walk(part);
  };
  walk(schema);
  return found;
}

export function isSensitive(field: SchemaField, definitions: ReadonlyMap<string, unknown>): boolean {
  // A type may name itself within itself.
  const entered = new Set<unknown>();
  const holds = (type: unknown): boolean => {
    if (typeof type === 'string') {
      const definition = definitions.get(shortName(type));
      return definition !== undefined && holds(definition);
    }
    if (typeof type !== 'object' || type === null || entered.has(type)) return false;
    entered.add(type);
    if (Array.isArray(type)) return type.some(holds);
    const { sensitivity, fields = [], items, values, type: inner } = type as TypeParts;
    return sensitivity === SENSITIVE || fields.some(isMarked) || [items, values, inner].some(holds);
  };
  const isMarked = ({ sensitivity, type }: SchemaField): boolean => sensitivity === SENSITIVE || holds(type);
  return isMarked(field);
}

const shortName = (name: string): string => name.replace(/^.*\./, '');
