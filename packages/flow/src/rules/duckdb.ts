/**
 * DuckDB as a sandbox: in memory, one thread, bounded, without files, network, extensions or settings. SQL of a rule is
 * code of its author, and can still reach nothing but the rows it is given.
 */
import { DuckDBConnection } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';

/** The last line shuts the door behind the others. */
const SETTINGS = [
  "temp_directory = ''",
  "memory_limit = '128MB'",
  'threads = 1',
  'autoinstall_known_extensions = false',
  'autoload_known_extensions = false',
  'allow_community_extensions = false',
  "TimeZone = 'UTC'",
  // Machine-readable errors: they carry the position in the query.
  'errors_as_json = true',
  'enable_external_access = false',
  'lock_configuration = true',
];

/** One database in memory with one connection. */
export interface Sandbox {
  /** What the C API's calls take; the hot path works on it. */
  raw: duckdb.Connection;
  /** The same connection, for the calls that need no speed. */
  connection: DuckDBConnection;
  close(): void;
}

export async function openSandbox(): Promise<Sandbox> {
  const database = await duckdb.open(':memory:', duckdb.create_config());
  const raw = await duckdb.connect(database);
  const connection = new DuckDBConnection(raw);
  for (const setting of SETTINGS) await connection.run(`SET GLOBAL ${setting}`);
  return {
    raw,
    connection,
    close: () => {
      connection.closeSync();
      duckdb.close_sync(database);
    },
  };
}

/** What DuckDB says went wrong. */
export interface SqlProblem {
  /** DuckDB's own class of the error: Binder, Conversion, Out of Memory … */
  type: string;
  /** At most 300 characters, on one line; may quote a value, as DuckDB does. */
  message: string;
  /** Bytes from the start of the query, where there is a place. */
  position: number | undefined;
  /** The time was up. */
  interrupted: boolean;
  /** The database is of no use any more. */
  fatal: boolean;
}

const MESSAGE_LIMIT = 300;

/** Reads the error that a call of DuckDB threw. */
export function problemOf(thrown: unknown): SqlProblem {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  let details: Record<string, string> = {};
  try {
    details = JSON.parse(text) as Record<string, string>;
  } catch {
    // An error of the binding, or one that has lost its JSON on the way: the text is the message.
  }
  const type = details.exception_type ?? /^([A-Za-z ]+) Error: /.exec(text)?.[1] ?? '';
  // DuckDB lists candidate functions below the message, dozens of them.
  const message = (details.exception_message ?? text).split('\n\tCandidate functions')[0] as string;
  return {
    type,
    message: message.replace(/\s+/g, ' ').trim().slice(0, MESSAGE_LIMIT),
    position: details.position === undefined ? undefined : Number(details.position),
    interrupted: type.toUpperCase() === 'INTERRUPT',
    fatal: type.toUpperCase() === 'FATAL' || type.toUpperCase() === 'INTERNAL',
  };
}

/** Quotes a name. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
