/**
 * What a SQL rule may not do, found in DuckDB's own parse of it (json_serialize_sql): a rule works row by row, so
 * nothing in it may look at other rows of the batch, at the clock, or at anything outside of the batch and the lookups.
 */
import { Fault } from '@quadrille/record';
import { problemOf, type Sandbox } from './duckdb.ts';
import { unwritten } from './routes.ts';
import type { SqlFile } from './sql-file.ts';
import { type Functions, functionsOf } from './sql-functions.ts';
import { topicsNamed } from './sql-topics.ts';

/** What a checked query refers to. */
export interface SqlUse {
  /** Every name that may be a column, in lower case; undefined: `*` or COLUMNS(), so all of them. */
  columns: ReadonlySet<string> | undefined;
  /** The lookups it reads, as they are named. */
  tables: ReadonlySet<string>;
  /** The topics it sends records to. */
  topics: ReadonlySet<string>;
}

/** A node of DuckDB's parse tree. */
export type Node = { readonly [key: string]: unknown };

/** DuckDB's number for "no position": 2^64-1. */
export const NOWHERE = 1e19;
const TABLE_FUNCTIONS = new Set(['unnest', 'range', 'generate_series']);
const TABLE_REFS = new Set(['BASE_TABLE', 'SUBQUERY', 'JOIN', 'TABLE_FUNCTION', 'EMPTY', 'EXPRESSION_LIST']);
/** Read like columns, are functions of the clock or the session. */
const VALUE_FUNCTIONS = new Set(
  'current_date current_time current_timestamp localtime localtimestamp current_user session_user user current_role current_catalog current_schema'.split(
    ' ',
  ),
);

/**
 * Parses the query and finds all that it may not do.
 * @param lookups the names it may read besides `input`.
 * @param topics that its station writes; of several the column `topic` names one.
 */
export async function checkSql(
  sql: SqlFile,
  lookups: readonly string[],
  topics: readonly string[],
  sandbox: Sandbox,
): Promise<{ faults: Fault[]; use: SqlUse }> {
  const check = new Check(sql, lookups, topics, await functionsOf(sandbox), sandbox);
  await check.run();
  const { faults, star, columns, tables, sentTo } = check;
  return { faults, use: { columns: star ? undefined : columns, tables, topics: sentTo } };
}

class Check {
  readonly faults: Fault[] = [];
  readonly columns = new Set<string>();
  readonly tables = new Set<string>();
  readonly sentTo = new Set<string>();
  star = false;
  readonly #sql: SqlFile;
  readonly #lookups: ReadonlyMap<string, string>;
  readonly #topics: readonly string[];
  readonly #functions: Functions;
  readonly #sandbox: Sandbox;
  /** Every WITH name, with its query. */
  readonly #ctes = new Map<string, Node>();
  readonly #macros = new Set<string>();

  constructor(
    sql: SqlFile,
    lookups: readonly string[],
    topics: readonly string[],
    functions: Functions,
    sandbox: Sandbox,
  ) {
    this.#sql = sql;
    this.#topics = topics;
    this.#lookups = new Map(lookups.map((name) => [name.toLowerCase(), name]));
    this.#functions = functions;
    this.#sandbox = sandbox;
  }

  async run(): Promise<void> {
    const parsed = await parseSql(this.#sandbox, this.#sql.text);
    if (parsed.error === true) {
      const kind = String(parsed.error_type);
      const detail = kind === 'parser' ? String(parsed.error_message) : 'only one SELECT is allowed, nothing else';
      const position = parsed.position === undefined ? NOWHERE : Number(parsed.position);
      return this.#refuse(detail, { query_location: position });
    }
    const statements = parsed.statements as Node[];
    const first = statements[0];
    if (first === undefined || statements.length !== 1)
      return this.#refuse(`one SELECT is wanted, ${statements.length} statements are there`, {});
    const query = first.node as Node;
    this.#collectCtes(query);
    this.#visit(query);
    for (const name of this.#macros) await this.#visitMacro(name);
    this.#countInput(query);
    if (this.#topics.length > 1) this.#visitTopics(query);
  }

  #refuse(detail: string, at: Node, help?: string): void {
    const position = at.query_location;
    const place =
      typeof position === 'number' && position < NOWHERE / 10 ? this.#sql.placeOf(position) : this.#sql.file;
    this.faults.push(new Fault('SQL_INVALID', detail, help === undefined ? { place } : { place, help }));
  }

  #collectCtes(node: unknown): void {
    for (const child of children(node)) this.#collectCtes(child);
    const map = isNode(node) && isNode(node.cte_map) ? (node.cte_map.map as { key: string; value: Node }[]) : [];
    for (const { key, value } of map) {
      const name = key.toLowerCase();
      if (name === 'input' || this.#lookups.has(name)) this.#refuse(`WITH ${key} hides the relation \`${key}\``, value);
      if (this.#ctes.has(name)) this.#refuse(`WITH ${key} stands twice`, value);
      this.#ctes.set(name, value);
    }
  }

  #visit(node: unknown): void {
    if (Array.isArray(node)) {
      for (const item of node) this.#visit(item);
      return;
    }
    if (!isNode(node)) return;
    if (typeof node.class === 'string') this.#visitExpression(node);
    else if (typeof node.type === 'string') this.#visitClause(node, node.type);
    this.#visitRef(node.from_table);
    if (node.type === 'JOIN') {
      this.#visitRef(node.left);
      this.#visitRef(node.right);
    }
    for (const child of children(node)) this.#visit(child);
  }

  #visitExpression(node: Node): void {
    switch (node.class) {
      case 'COLUMN_REF': {
        const names = node.column_names as string[];
        for (const name of names) this.columns.add(name.toLowerCase());
        const only = names.length === 1 ? (names[0] as string).toLowerCase() : '';
        if (VALUE_FUNCTIONS.has(only)) this.#refuse(`${only} differs from run to run`, node, CLOCK_HELP);
        break;
      }
      case 'STAR':
        this.star = true;
        break;
      case 'WINDOW':
        this.#refuse(
          `window function \`${String(node.function_name)}\` looks at other rows of the batch`,
          node,
          ROW_HELP,
        );
        break;
      case 'PARAMETER':
        this.#refuse('a rule has no parameters', node);
        break;
      case 'FUNCTION':
        this.#visitFunction(node);
    }
  }

  #visitFunction(node: Node): void {
    const name = String(node.function_name).toLowerCase();
    if (this.#functions.macros.has(name)) this.#macros.add(name);
    if (this.#functions.aggregates.has(name))
      this.#refuse(`aggregate \`${name}\` looks at other rows of the batch`, node, ROW_HELP);
    else if (this.#functions.volatile.has(name) || (name === 'age' && (node.children as Node[]).length === 1))
      this.#refuse(`${name}() differs from run to run`, node, CLOCK_HELP);
  }

  #visitClause(node: Node, type: string): void {
    if (type === 'LIMIT_MODIFIER' || type === 'LIMIT_PERCENT_MODIFIER')
      this.#refuse('LIMIT and OFFSET depend on the other rows of the batch', node, ROW_HELP);
    if (type === 'DISTINCT_MODIFIER') this.#refuse('DISTINCT depends on the other rows of the batch', node, ROW_HELP);
    if (type === 'SET_OPERATION_NODE')
      this.#refuse(
        `${String(node.setop_type)} is not for rules`,
        node,
        'for several records from one, join `unnest([…])` or `(VALUES …)`',
      );
    if (type !== 'SELECT_NODE') return;
    const grouped =
      notEmpty(node.group_expressions) || notEmpty(node.group_sets) || node.aggregate_handling !== 'STANDARD_HANDLING';
    if (grouped || isNode(node.having))
      this.#refuse('GROUP BY and HAVING look at other rows of the batch', node, ROW_HELP);
    if (isNode(node.qualify)) this.#refuse('QUALIFY looks at other rows of the batch', node, ROW_HELP);
    if (isNode(node.sample)) this.#refuse('SAMPLE differs from run to run', node, CLOCK_HELP);
  }

  #visitRef(ref: unknown): void {
    if (!isNode(ref) || typeof ref.type !== 'string') return;
    if (!TABLE_REFS.has(ref.type)) this.#refuse(`${ref.type.toLowerCase().replace(/_ref$/, '')} is not for rules`, ref);
    if (isNode(ref.sample)) this.#refuse('SAMPLE differs from run to run', ref, CLOCK_HELP);
    if (ref.type === 'BASE_TABLE') this.#visitTable(ref);
    if (ref.type === 'TABLE_FUNCTION') {
      const name = String((ref.function as Node).function_name).toLowerCase();
      if (!TABLE_FUNCTIONS.has(name))
        this.#refuse(`table function \`${name}\` reads from outside of the batch`, ref, this.#relations());
    }
    if (ref.type === 'JOIN') {
      for (const name of ref.using_columns as string[]) this.columns.add(name.toLowerCase());
      if (ref.ref_type === 'POSITIONAL')
        this.#refuse('POSITIONAL JOIN depends on the other rows of the batch', ref, ROW_HELP);
      if (ref.ref_type === 'NATURAL')
        this.#refuse('NATURAL JOIN changes with the schemas', ref, 'name the columns with ON or USING');
      if (ref.join_type === 'RIGHT' || ref.join_type === 'FULL')
        this.#refuse(
          `${String(ref.join_type)} JOIN gives rows that come from no record`,
          ref,
          'write `from input left join …`',
        );
    }
  }

  #visitTable(ref: Node): void {
    const written = String(ref.table_name);
    const name = written.toLowerCase();
    const qualified = ref.schema_name !== '' || ref.catalog_name !== '';
    if (!qualified && (name === 'input' || this.#ctes.has(name))) return;
    const lookup = this.#lookups.get(name);
    if (qualified || lookup === undefined) this.#refuse(`there is no relation \`${written}\``, ref, this.#relations());
    else this.tables.add(lookup);
  }

  #visitTopics(query: Node): void {
    const { named, computed } = topicsNamed(query);
    for (const node of computed)
      this.#refuse('column `topic` is computed', node, "write each topic out: `CASE WHEN … THEN 'flow.topic' END`");
    for (const { topic, at } of named) {
      const problem = unwritten(topic, this.#topics);
      if (problem !== undefined) this.#refuse(problem.what, at, problem.help);
      this.sentTo.add(topic);
    }
  }

  #relations(): string {
    const names = [...this.#lookups.values()].map((name) => `\`${name}\``);
    return `a rule reads from \`input\`${names.length === 0 ? '' : ` and the lookups ${names.join(', ')}`}`;
  }

  /** A macro of DuckDB may stand for an aggregate or the clock. */
  async #visitMacro(name: string): Promise<void> {
    const parsed = await parseSql(this.#sandbox, `SELECT ${this.#functions.macros.get(name) ?? 'NULL'}`);
    const functions = JSON.stringify(parsed).matchAll(
      /"function_name":"([^"]+)"|"column_names":\["([^"]+)"\]|"type":"(TABLE_FUNCTION)"/g,
    );
    for (const [, called, column, table] of functions) {
      const word = (called ?? column ?? '').toLowerCase();
      const bad =
        table !== undefined ||
        (called === undefined
          ? VALUE_FUNCTIONS.has(word)
          : this.#functions.aggregates.has(word) || this.#functions.volatile.has(word));
      if (bad) return this.#refuse(`${name}() looks at other rows or differs from run to run`, {}, ROW_HELP);
    }
  }

  /** `input` stands once: joined with itself, or twice behind a WITH, a row would see other rows. */
  #countInput(query: Node): void {
    const count = this.#inputsIn(query, new Map());
    if (count === 0) this.#refuse('the query does not read from `input`', {});
    if (count > 1) this.#refuse('`input` may stand only once: a row must not see the others', {}, ROW_HELP);
  }

  #inputsIn(node: unknown, known: Map<string, number>): number {
    if (isNode(node) && node.type === 'BASE_TABLE') {
      const name = String(node.table_name).toLowerCase();
      const cte = this.#ctes.get(name);
      if (cte === undefined) return name === 'input' ? 1 : 0;
      const before = known.get(name);
      if (before !== undefined) return before;
      // A recursive query names itself.
      known.set(name, 0);
      known.set(name, this.#inputsIn(cte, known));
      return known.get(name) as number;
    }
    let sum = 0;
    for (const [key, child] of entries(node)) if (key !== 'cte_map') sum += this.#inputsIn(child, known);
    return sum;
  }
}

const ROW_HELP = 'a SQL rule works row by row; for totals declare a `window` behind it, or write a query on the target';
const CLOCK_HELP = 'a replay must give the same result: use a field of the record';

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const notEmpty = (value: unknown): boolean => Array.isArray(value) && value.length > 0;
const entries = (node: unknown): [string, unknown][] =>
  typeof node === 'object' && node !== null ? Object.entries(node) : [];
export const children = (node: unknown): unknown[] => entries(node).map(([, child]) => child);

/** DuckDB's parse of a text; of one that it cannot parse `error` is true, with its message and position. */
export async function parseSql(sandbox: Sandbox, text: string): Promise<Node> {
  try {
    const result = await sandbox.connection.runAndReadAll(
      'SELECT json_serialize_sql($1::VARCHAR, skip_null := true)::VARCHAR',
      [text],
    );
    return JSON.parse(result.getRows()[0]?.[0] as string) as Node;
  } catch (thrown) {
    const { message, position } = problemOf(thrown);
    return { error: true, error_type: 'parser', error_message: message, position };
  }
}
