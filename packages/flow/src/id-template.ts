/** Templates of ids and keys: `{year}-{month}/{carrier}`, compiled to a function of the typed record. */
import { Fault } from '@quadrille/record';
import type { Field } from './avro/field.ts';

/** @throws Fault ID_INVALID, with the field that has no value. */
export type Template = (record: Record<string, unknown>) => string;

const PLACE = /\{([^{}]*)\}/g;

/** The fields that a template names, in order. */
export const templateFields = (template: string): string[] =>
  [...template.matchAll(PLACE)].map((match) => match[1] as string);

/**
 * Compiles a template. Values stand in it as the schema types them, so that `007` and `7` of an int are one id; times as
 * ISO 8601 in UTC. A null or an empty text is no id.
 * @param fields of the schema; a field it does not have is taken as it is.
 */
export function compileTemplate(template: string, fields: readonly Field[]): Template {
  const texts = template.split(PLACE);
  const kinds = new Map(fields.map((field) => [field.name, field.kind]));
  const part = (name: string, value: unknown): string => {
    if (value === null || value === undefined || value === '')
      throw new Fault('ID_INVALID', `\`${name}\` has no value`, { field: name });
    return isoOf[kinds.get(name) ?? '']?.(value) ?? String(value);
  };
  const code = texts.map((text, i) =>
    i % 2 ? `part(${JSON.stringify(text)}, record[${JSON.stringify(text)}])` : JSON.stringify(text),
  );
  return new Function('part', `return function id(record) { return ${code.join(' + ')}; };`)(part) as Template;
}

const millis = (value: unknown): string => new Date(Number(value)).toISOString().replace('.000Z', 'Z');
const micros = (value: unknown): string => {
  const whole = BigInt(value as number);
  const rest = ((whole % 1000n) + 1000n) % 1000n;
  return new Date(Number((whole - rest) / 1000n)).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`);
};
const isoOf: Readonly<Record<string, (value: unknown) => string>> = {
  'timestamp-millis': millis,
  'local-timestamp-millis': millis,
  'timestamp-micros': micros,
  'local-timestamp-micros': micros,
};
