/** Connections to a PostgreSQL that is read, and what its errors mean to a source. */
import { Fault } from '@quadrille/record';
import { Client, DatabaseError } from 'pg';
import type { ConfigSchema } from '../../config-schema.ts';
import { needVariable } from '../../http/authorization.ts';
import type { SourceContext } from '../../source.ts';
import { faultOf } from '../../targets/postgres-faults.ts';

export interface TableConfig {
  table: string;
  schema?: string;
  address?: string;
}

/** What every source on a table is told. */
export const tableProperties = {
  table: { description: 'Table to read.', type: 'string', minLength: 1 },
  schema: { description: 'Schema of the table.', type: 'string', minLength: 1, default: 'public' },
  address: {
    description:
      'Name of the environment variable that holds the address, postgres://user:password@host:port/database.',
    type: 'string',
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    default: 'DATABASE_URL',
  },
} satisfies ConfigSchema['properties'];

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Every value is the text of its type, the same for queries and for logical replication. */
const OPTIONS =
  '-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c extra_float_digits=3 -c bytea_output=hex';
const asText = { getTypeParser: () => (text: string) => text } as never;

/**
 * @param replication the connection is one of a walsender: simple queries and replication commands only.
 * @throws Fault SOURCE_UNAVAILABLE, ACCESS_DENIED, CONFIG_INVALID
 */
export async function connect(
  config: TableConfig,
  context: Pick<SourceContext, 'flow' | 'station' | 'env'>,
  { replication = false, readOnly = true }: { replication?: boolean; readOnly?: boolean } = {},
): Promise<Client> {
  const { address = 'DATABASE_URL' } = config;
  const connectionString = needVariable(context.env, address, `set ${address} to an address of PostgreSQL`);
  if (!URL.canParse(connectionString))
    throw new Fault('CONFIG_INVALID', `environment variable ${address} holds no address`, {
      help: 'it looks like postgres://user:password@host:port/database',
    });
  const client = new Client({
    connectionString,
    application_name: `quadrille ${context.flow}.${context.station}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    options: readOnly && !replication ? `${OPTIONS} -c default_transaction_read_only=on` : OPTIONS,
    types: asText,
    ...(replication && { replication: 'database' }),
  } as ConstructorParameters<typeof Client>[0]);
  // An error while no query runs; the next query meets it and says so.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    throw sourceFault(error, context.station, replication ? { help: REPLICATION } : {});
  }
}

const REPLICATION =
  'check user and password; for replication the user needs the attribute REPLICATION (ALTER ROLE … REPLICATION), and pg_hba.conf must let it in';

/** Ends a connection also in the midst of a statement. */
export async function disconnect(client: Client | undefined): Promise<void> {
  if (client === undefined) return;
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await client.end().catch(() => {});
}

/** What an error of PostgreSQL, or of the way to it, means for an extractor: SOURCE_UNAVAILABLE unless it is a matter of rights. */
export function sourceFault(error: unknown, place: string, help: { help?: string } = {}): Fault {
  if (error instanceof Fault) return error;
  const fault = faultOf(error, place);
  const code = fault.code === 'ACCESS_DENIED' ? 'ACCESS_DENIED' : 'SOURCE_UNAVAILABLE';
  const state = error instanceof DatabaseError ? ` (${error.code})` : '';
  const text = error instanceof DatabaseError ? `${error.message}${state}` : fault.message;
  return new Fault(code, text, { place, cause: error, ...help });
}
