/** What a JSON Schema finds wrong with a file, told to a person at the very key or value. */
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { closest } from './closest.ts';
import type { Path } from './flow-file-document.ts';

export interface Violation {
  path: Path;
  of: 'key' | 'value';
  what: string;
  help: string | undefined;
  /** Of the violated schema. */
  keyword: string;
}

/** The help for a key or name nobody knows. */
export function helpFor(word: string, known: Iterable<string>): string | undefined {
  const list = [...known];
  const near = closest(word, list);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return list.length === 0 ? undefined : `one of: ${list.join(', ')}`;
}

/**
 * Every violation, most specific ones only.
 * @param validate compiled with `allErrors` and `verbose`.
 * @param names what names of the file may look like, for `propertyNames`.
 */
export function violations(validate: ValidateFunction, json: unknown, names: string): Violation[] {
  if (validate(json)) return [];
  const errors = validate.errors ?? [];
  const choices = errors
    .filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')
    .map((error) => `${error.schemaPath}/`);
  return errors
    .filter((error) => error.keyword !== 'if' && error.propertyName === undefined)
    .filter((error) => !choices.some((choice) => error.schemaPath.startsWith(choice)))
    .map((error) => ({ ...told(error, pathOf(error), names), keyword: error.keyword }));
}

const pathOf = (error: ErrorObject): Path =>
  error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

function told(error: ErrorObject, path: Path, names: string): Omit<Violation, 'keyword'> {
  const name = nameOf(path);
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = params.additionalProperty as string;
      const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
      return { what: `unknown key \`${key}\``, help: helpFor(key, known), path: [...path, key], of: 'key' };
    }
    case 'required':
      return {
        what: `${name} needs \`${params.missingProperty}\``,
        help: describe(error.parentSchema?.properties?.[params.missingProperty]),
        path,
        of: 'key',
      };
    case 'propertyNames': {
      const key = params.propertyName as string;
      return { what: `\`${key}\` is not a usable name`, help: names, path: [...path, key], of: 'key' };
    }
    case 'enum': {
      const known = (params.allowedValues as unknown[]).filter((value) => value !== null).map(String);
      return {
        what: `${name} is ${shown(error.data)}`,
        help: helpFor(String(error.data), known),
        path,
        of: 'value',
      };
    }
    case 'type':
      return {
        what: `${name} is ${shown(error.data)}, not ${[params.type].flat().map(withArticle).join(' or ')}`,
        help: describe(error.parentSchema),
        path,
        of: 'value',
      };
    case 'anyOf':
    case 'oneOf':
      return {
        what: `${name} has none of the forms it may have`,
        help: describe(error.parentSchema),
        path,
        of: 'value',
      };
    default:
      return { what: `${name} ${error.message}`, help: describe(error.parentSchema), path, of: 'value' };
  }
}

function nameOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'the file';
  return /^\d+$/.test(String(last)) ? `item ${Number(last) + 1} of ${nameOf(path.slice(0, -1))}` : `\`${last}\``;
}

const withArticle = (type: string): string => `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`;

const describe = (schema: unknown): string | undefined => (schema as { description?: string } | undefined)?.description;

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}
