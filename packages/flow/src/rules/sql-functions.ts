/** DuckDB's own list of its functions: which look at several rows, and which differ from run to run. */
import type { Sandbox } from './duckdb.ts';

/** What DuckDB says of each function, by name. */
export interface Functions {
  aggregates: ReadonlySet<string>;
  volatile: ReadonlySet<string>;
  macros: ReadonlyMap<string, string>;
}

/** Is called volatile so that it is not folded away; gives the same for the same row. */
const ALLOWED = new Set(['error']);

/** The same in every sandbox: read once. */
let functions: Promise<Functions> | undefined;

export function functionsOf(sandbox: Sandbox): Promise<Functions> {
  functions ??= readFunctions(sandbox);
  return functions;
}

async function readFunctions(sandbox: Sandbox): Promise<Functions> {
  const rows = await sandbox.connection.runAndReadAll(
    'SELECT DISTINCT function_name, function_type, stability, macro_definition FROM duckdb_functions()',
  );
  const aggregates = new Set<string>();
  const volatile = new Set<string>();
  const macros = new Map<string, string>();
  for (const [name, type, stability, definition] of rows.getRows() as [
    string,
    string,
    string | null,
    string | null,
  ][]) {
    if (type === 'aggregate') aggregates.add(name);
    else if (type === 'macro') macros.set(name, definition ?? 'NULL');
    else if (type === 'scalar' && stability !== 'CONSISTENT' && !ALLOWED.has(name)) volatile.add(name);
  }
  return { aggregates, volatile, macros };
}
