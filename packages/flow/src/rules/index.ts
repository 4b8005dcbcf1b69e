/** The registry of what rules are written in, and what stations and the CLI do with rule files. */
import { extname, isAbsolute, join } from 'node:path';
import { Fault, Faults } from '@quadrille/record';
import type { Field } from '../avro/field.ts';
import type { TopicSchema } from '../avro/topic-schema.ts';
import type { ReadyRule, RuleExample } from '../rule.ts';
import { type ExampleOutcome, runExample } from './examples.ts';
import { chainFields } from './fields.ts';
import { loadSqlRule } from './sql.ts';
import { readSqlFile, type SqlExample } from './sql-file.ts';
import type { OutputFields, SqlTable } from './sql-plan.ts';
import { readTypeScriptRule, readyTypeScriptRule } from './typescript.ts';

export { type ExampleOutcome, givenRecord, rowDifference } from './examples.ts';
export { chainFields } from './fields.ts';
export type { OutputFields, SqlTable } from './sql-plan.ts';
export { openWhere, type Where } from './where.ts';

type Row = Record<string, unknown>;

export interface RuleContext {
  /** Folder of the flow file; relative rule files start there. */
  folder: string;
  /** Fields of the station's input. */
  input: readonly Field[];
  /** Fields of its output; of several, of the first. */
  output: readonly Field[];
  /** Fields of every topic it writes, by topic: where rules may send records. Default: nowhere. */
  topics?: OutputFields;
  /** Time that a round of one SQL rule may compute, ms. Default 10,000. */
  timeoutMs?: number;
  /** Lookups that a SQL rule may read beside `input`. */
  tables?: readonly SqlTable[];
}

/** What a station's outputs are to its rules. @param outputs in the order of the flow file. */
export const outputContext = (outputs: readonly TopicSchema[]): Required<Pick<RuleContext, 'output' | 'topics'>> => ({
  output: outputs[0]?.fields ?? [],
  topics: new Map(outputs.map(({ topic, fields }) => [topic, fields])),
});

const allFields = ({ input, output, topics }: RuleContext): Field[] =>
  chainFields(input, output, ...(topics?.values() ?? []));

interface RuleFile {
  doc: string;
  examples: readonly RuleExample<Row, Row>[];
  /** `file` or `file:line` of an example. */
  placeOf(example: number): string;
  /** @param tables instead of those of the context: an example brings its own rows. */
  ready(tables?: readonly SqlTable[]): Promise<ReadyRule>;
}

/** How a rule file is read, by its extension. To add a language: a file beside this one, and a line here. */
const LANGUAGES: { readonly [extension: string]: (file: string, context: RuleContext) => Promise<RuleFile> } = {
  '.ts': typeScript,
  '.mts': typeScript,
  '.js': typeScript,
  '.mjs': typeScript,
  '.sql': sql,
};

async function typeScript(file: string, { topics }: RuleContext): Promise<RuleFile> {
  const { definition, placeOf } = await readTypeScriptRule(file, [...(topics?.keys() ?? [])]);
  return {
    doc: definition.doc,
    examples: definition.examples,
    placeOf,
    ready: async () => readyTypeScriptRule(file, definition),
  };
}

async function sql(file: string, context: RuleContext): Promise<RuleFile> {
  const read = await readSqlFile(file);
  const fields = allFields(context);
  const topics = context.topics ?? new Map();
  return {
    doc: read.doc,
    examples: read.examples,
    placeOf: (example) => `${file}:${read.exampleLines[example] ?? 1}`,
    ready: (tables = context.tables ?? []) => loadSqlRule(read, { fields, tables, topics }, context.timeoutMs),
  };
}

function open(file: string, context: RuleContext): Promise<RuleFile> {
  const path = isAbsolute(file) ? file : join(context.folder, file);
  const language = LANGUAGES[extname(path)];
  if (language === undefined)
    throw new Faults([
      new Fault('RULE_INVALID', `rules are written in ${Object.keys(LANGUAGES).join(', ')}`, { place: path }),
    ]);
  return language(path, context);
}

/**
 * Loads the rules of a station, in their order.
 * @throws Faults with every problem of every file (RULE_INVALID, SQL_INVALID).
 */
export async function loadRules(files: readonly string[], context: RuleContext): Promise<ReadyRule[]> {
  const rules: ReadyRule[] = [];
  const faults: Fault[] = [];
  for (const file of files) {
    try {
      rules.push(await (await open(file, context)).ready());
    } catch (thrown) {
      faults.push(...faultsOf(thrown));
    }
  }
  if (faults.length === 0) return rules;
  for (const rule of rules) await rule.close();
  throw new Faults(faults);
}

/**
 * Runs the examples of one rule file; each against the rule alone.
 * @throws Faults as loadRules.
 */
export async function runExamples(file: string, context: RuleContext): Promise<ExampleOutcome[]> {
  const rule = await open(file, context);
  const fields = allFields(context);
  const ready = await rule.ready();
  const outcomes: ExampleOutcome[] = [];
  try {
    for (const [index, example] of rule.examples.entries()) {
      const { lookups } = example as SqlExample;
      const own = lookups === undefined ? ready : await rule.ready(withRows(context.tables ?? [], lookups));
      const difference = await runExample(own, example, {
        input: context.input,
        fields,
        topics: context.topics ?? new Map(),
      });
      if (own !== ready) await own.close();
      const name = example.name ?? `example ${index + 1}`;
      const fault =
        difference === undefined
          ? undefined
          : new Fault('EXAMPLE_FAILED', `${name}: ${difference}`, { place: rule.placeOf(index) });
      outcomes.push({
        file: isAbsolute(file) ? file : join(context.folder, file),
        rule: ready.name,
        example: name,
        fault,
      });
    }
  } finally {
    await ready.close();
  }
  return outcomes;
}

function withRows(tables: readonly SqlTable[], rows: Record<string, Row[]>): SqlTable[] {
  return tables.map(({ name, fields }) => {
    const given = rows[name] ?? [];
    return { name, fields, changes: 0, rows: () => given };
  });
}

function faultsOf(thrown: unknown): readonly Fault[] {
  if (thrown instanceof Faults) return thrown.faults;
  if (thrown instanceof Fault) return [thrown];
  throw thrown;
}
