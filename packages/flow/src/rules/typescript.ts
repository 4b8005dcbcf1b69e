/** Rules in TypeScript: a file whose default export is made by `rule({…})`, applied record by record. */
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Drop, Fault, Faults, Routed, type RuleResult } from '@quadrille/record';
import type { ReadyRule, RuleDefinition } from '../rule.ts';
import { findOwnPackages } from './own-packages.ts';
import { unwritten } from './routes.ts';
import { checkExample } from './sql-file.ts';
import { placeOfExample, placeOfImport, placeOfKey, placeOfThrown } from './typescript-place.ts';

type Row = Record<string, unknown>;
/** Of any types: what a file exports is known when it runs. */
type Definition = RuleDefinition<Row, Row, Record<string, Row>>;

const KEYS = new Set(['doc', 'to', 'apply', 'examples']);

export interface TypeScriptFile {
  definition: Definition;
  /** `file:line:column` of an example. */
  placeOf(example: number): string;
}

/**
 * Imports a rule file and checks what it exports.
 * @param topics that the station writes.
 * @throws Faults RULE_INVALID, each with its line.
 */
export async function readTypeScriptRule(file: string, topics: readonly string[] = []): Promise<TypeScriptFile> {
  const invalid = (detail: string, cause?: unknown, place = file): Faults =>
    new Faults([new Fault('RULE_INVALID', detail, { place, cause })]);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw invalid('file cannot be read; its path in the flow file is relative to the flow file', cause);
  }
  findOwnPackages();
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (thrown) {
    throw invalid(describe(thrown), thrown, placeOfThrown(thrown, file) ?? placeOfImport(thrown, file, text));
  }
  const wrong = problemsOf(exported, file, text, topics);
  if (wrong.length > 0) throw new Faults(wrong);
  const definition = exported as Definition;
  return { definition, placeOf: (example) => placeOfExample(file, text, example, definition.examples.length) };
}

function problemsOf(exported: unknown, file: string, text: string, topics: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  const wrong = (detail: string, key?: string, help?: string): unknown =>
    faults.push(
      new Fault('RULE_INVALID', detail, { place: placeOfKey(file, text, key), ...(help !== undefined && { help }) }),
    );
  if (typeof exported !== 'object' || exported === null) {
    wrong(`default export is ${kindOf(exported)}; write \`export default rule({ doc, apply, examples })\``);
    return faults;
  }
  const definition = exported as Row;
  for (const key of Object.keys(definition))
    if (!KEYS.has(key)) wrong(`unknown key \`${key}\`; a rule takes doc, to, apply and examples`, key);
  if (typeof definition.doc !== 'string' || definition.doc === '')
    wrong('`doc` must say in a line what the rule is for', 'doc');
  const sent = definition.to ?? [];
  if (!Array.isArray(sent) || !sent.every((topic) => typeof topic === 'string'))
    wrong('`to` must be a list of topics', 'to');
  else
    for (const topic of sent) {
      const problem = unwritten(topic, topics);
      if (problem !== undefined) wrong(problem.what, 'to', problem.help);
    }
  const apply = definition.apply;
  if (typeof apply !== 'function') wrong('`apply` must be a function of one record', 'apply');
  else if (apply.constructor.name !== 'Function')
    wrong(`\`apply\` is ${apply.constructor.name}; a rule is synchronous: no I/O, nothing to wait for`, 'apply');
  const examples = definition.examples;
  if (!Array.isArray(examples)) wrong('`examples` must be a list, if an empty one', 'examples');
  else {
    for (const [index, example] of examples.entries())
      checkExample(example, index, (detail) =>
        faults.push(new Fault('RULE_INVALID', detail, { place: placeOfExample(file, text, index, examples.length) })),
      );
  }
  return faults;
}

/** Makes a rule ready to run over rounds. */
export function readyTypeScriptRule(file: string, definition: Definition): ReadyRule {
  return new TypeScriptRule(file, definition);
}

class TypeScriptRule implements ReadyRule {
  readonly name: string;
  readonly to: readonly string[];
  readonly #file: string;
  readonly #apply: (record: Row) => unknown;

  constructor(file: string, { apply, to = [] }: Definition) {
    this.name = basename(file, extname(file));
    this.to = to;
    this.#file = file;
    this.#apply = apply;
  }

  apply(records: Row[]): RuleResult<Row | Routed<Row>>[] {
    const count = records.length;
    const results = new Array<RuleResult<Row | Routed<Row>>>(count);
    for (let i = 0; i < count; i++) results[i] = this.#one(records[i] as Row);
    return results;
  }

  async close(): Promise<void> {}

  #one(record: Row): RuleResult<Row | Routed<Row>> {
    try {
      const result = this.#apply(record);
      if (result === record || result instanceof Drop || result instanceof Fault) return result as RuleResult<Row>;
      const wrong = wrongResult(result, record, this.to);
      return wrong === undefined
        ? (result as RuleResult<Row | Routed<Row>>)
        : new Fault('RULE_RESULT', wrong, { place: this.#file });
    } catch (thrown) {
      // `throw reject(…)` is as good as returning it.
      if (thrown instanceof Fault) return thrown;
      return new Fault('RULE_THREW', describe(thrown), {
        place: placeOfThrown(thrown, this.#file) ?? this.#file,
        cause: thrown,
      });
    }
  }
}

/** What is wrong with a result that is not the record itself, or undefined. */
function wrongResult(result: unknown, record: Row, to: readonly string[]): string | undefined {
  if (!Array.isArray(result)) return wrongOutput(result, record, to);
  const records = result.map((item) => (item instanceof Routed ? item.record : item));
  for (let i = 0; i < result.length; i++) {
    const wrong = wrongOutput(result[i], record, to);
    if (wrong !== undefined) return `item ${i} of the list is ${wrong}`;
    // Rules after this one may change records in place.
    if (records.indexOf(records[i]) !== i)
      return `item ${i} of the list is the same object as item ${records.indexOf(records[i])}; copy it: \`{ ...record }\``;
  }
  return undefined;
}

function wrongOutput(output: unknown, record: Row, to: readonly string[]): string | undefined {
  if (!(output instanceof Routed)) return isRecord(output, record) ? undefined : kindOf(output);
  if (!to.includes(output.topic))
    return `sent to ${JSON.stringify(output.topic)}, which the rule does not name in its \`to\``;
  return isRecord(output.record, record) ? undefined : `sent to ${output.topic}, and is ${kindOf(output.record)}`;
}

/** A plain object, or one of the same making as the record that came in. */
function isRecord(value: unknown, record: Row): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || prototype === Object.getPrototypeOf(record);
}

/** How a person calls a wrong value; its kind, never the value. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing (undefined); is a `return` missing?';
  if (value === null) return 'null; to leave the record out, return drop(CODE)';
  if (value instanceof Promise) {
    // Nobody waits for it: a rejection would end the process.
    value.catch(() => undefined);
    return 'a promise; a rule is synchronous';
  }
  if (value instanceof Drop) return 'a drop';
  if (value instanceof Fault) return 'a reject';
  if (Array.isArray(value)) return 'a list';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return `an instance of ${(value as object).constructor?.name ?? 'an unknown class'}; a record is a plain object`;
}

function describe(thrown: unknown): string {
  return thrown instanceof Error
    ? `${thrown.name}: ${thrown.message.split('\n')[0] as string}`
    : `${kindOf(thrown)} (throw an Error, or reject(…))`;
}
