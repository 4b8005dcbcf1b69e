/**
 * How sensitive the values of a field are: `"sensitivity"` at the field, else at its record, else unsaid. A field counts
 * for as much as the most sensitive one within its type.
 */

export interface SchemaField {
  name: string;
  doc?: string;
  type: unknown;
  default?: unknown;
  sensitivity?: unknown;
}

/**
 * In rising order. public: anybody may see it; internal: whoever works here; personal: about a person; secret: nobody
 * needs to read it. What is personal or secret is masked for who may only look (role view).
 */
export const SENSITIVITIES = ['public', 'internal', 'personal', 'secret'] as const;
export type SensitivityLevel = (typeof SENSITIVITIES)[number];

export const isSensitivity = (word: unknown): word is SensitivityLevel =>
  (SENSITIVITIES as readonly unknown[]).includes(word);

/** Whether values of a level are shown to everybody who may look at records; unsaid, they are. */
export const isMasked = (level: SensitivityLevel | undefined): boolean => level === 'personal' || level === 'secret';

interface TypeParts {
  name?: string;
  sensitivity?: unknown;
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

/**
 * The level of a field; undefined where nothing is said.
 * @param standard what the field's record says of all of its fields.
 * @param definitions of the whole schema, see `definitionsOf`.
 */
export function sensitivityOf(
  field: SchemaField,
  standard: unknown,
  definitions: ReadonlyMap<string, unknown>,
): SensitivityLevel | undefined {
  // A type may name itself within itself.
  const entered = new Set<unknown>();
  const ofType = (type: unknown): SensitivityLevel | undefined => {
    if (typeof type === 'string') return ofType(definitions.get(shortName(type)));
    if (typeof type !== 'object' || type === null || entered.has(type)) return undefined;
    entered.add(type);
    if (Array.isArray(type)) return highest(type.map(ofType));
    const { sensitivity, fields = [], items, values, type: inner } = type as TypeParts;
    const parts = [items, values, inner].map(ofType);
    return highest([levelOf(sensitivity), ...parts, ...fields.map((each) => ofField(each, sensitivity))]);
  };
  const ofField = (each: SchemaField, otherwise: unknown): SensitivityLevel | undefined =>
    highest([levelOf(each.sensitivity ?? otherwise), ofType(each.type)]);
  return ofField(field, standard);
}

/** A word nobody knows may have been meant to hide. */
const levelOf = (word: unknown): SensitivityLevel | undefined =>
  word === undefined ? undefined : isSensitivity(word) ? word : 'secret';

function highest(levels: readonly (SensitivityLevel | undefined)[]): SensitivityLevel | undefined {
  let found = -1;
  for (const level of levels) if (level !== undefined) found = Math.max(found, SENSITIVITIES.indexOf(level));
  return SENSITIVITIES[found];
}

const shortName = (name: string): string => name.replace(/^.*\./, '');
