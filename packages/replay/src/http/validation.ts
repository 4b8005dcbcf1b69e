/** Requests against their schemas: every problem at once, by its place, never quoting a value. */
import { Fault, Faults } from '@quadrille/record';
import type { FastifySchemaValidationError } from 'fastify';
import type { TSchema } from 'typebox';

const MOST = 50;

/** What Ajv found, one fault a place. @param part body, querystring or params */
export function validationFaults(errors: readonly FastifySchemaValidationError[], part: string): Faults {
  const byPlace = new Map<string, FastifySchemaValidationError[]>();
  for (const error of errors) {
    const field = fieldOf(error);
    byPlace.set(field, [...(byPlace.get(field) ?? []), error]);
  }
  const faults = [...byPlace].slice(0, MOST).map(([field, found]) => {
    const what = wordsOf(found);
    const place = part === 'querystring' ? 'query' : part;
    return new Fault('REQUEST_INVALID', field === '' ? what : `\`${field}\` ${what}`, {
      place,
      ...(field === '' ? {} : { field }),
    });
  });
  return new Faults(faults);
}

function fieldOf({ instancePath, keyword, params }: FastifySchemaValidationError): string {
  const path = instancePath.slice(1).split('/').join('.');
  const member =
    keyword === 'required'
      ? params.missingProperty
      : keyword === 'additionalProperties'
        ? params.additionalProperty
        : undefined;
  return member === undefined ? path : path === '' ? String(member) : `${path}.${String(member)}`;
}

function wordsOf(errors: readonly FastifySchemaValidationError[]): string {
  // A choice of literals fails once for each of them.
  const allowed = errors.flatMap(({ keyword, params }) =>
    keyword === 'const' ? [params.allowedValue] : keyword === 'enum' ? (params.allowedValues as unknown[]) : [],
  );
  if (allowed.length > 0) return `must be one of ${[...new Set(allowed)].join(', ')}`;
  const [first] = errors;
  if (first?.keyword === 'required') return 'is missing';
  if (first?.keyword === 'additionalProperties') return 'is not known';
  return [...new Set(errors.filter(({ keyword }) => keyword !== 'anyOf').map(({ message }) => message))].join(', ');
}

/**
 * The texts of a query as the types of its schema; a list may stand once or several times. What does not read as its type
 * stays text, for the validation to refuse.
 */
export function typedQuery(schema: TSchema, query: Record<string, unknown>): Record<string, unknown> {
  const { properties } = schema as unknown as { properties: Record<string, { type?: string }> };
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const type = properties[name]?.type;
      if (type === 'array') return [name, Array.isArray(value) ? value : [value]];
      if (type === 'integer' && /^-?\d{1,15}$/.test(String(value))) return [name, Number(value)];
      if (type === 'boolean' && /^(true|false)$/.test(String(value))) return [name, value === 'true'];
      return [name, value];
    }),
  );
}
