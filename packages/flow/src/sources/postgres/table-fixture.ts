/** For tests of sources on a table: a table of a test's own, connections to it, and everything that a reader has. */
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { fieldsOf } from '../../avro/field.ts';
import type { RawItem, ShardReader, SourceContext, SourceLag, SourcePosition, SourceType } from '../../source.ts';
import { sourceContext } from '../source-fixture.ts';

const { DATABASE_URL } = process.env;
export const noDatabase: string | false = DATABASE_URL ? false : 'no DATABASE_URL: run `npm test -- PATH`';

const NAMES = ['id', 'name'].map((name) => ({ name, type: ['null', 'string'] }));

export interface TableFixture {
  name: string;
  /** Runs SQL; `T` is the table. */
  run(sql: string): Promise<Record<string, string>[]>;
  /** A connection of its own, for a transaction that stays open. */
  other(): Promise<{ run(sql: string): Promise<unknown> }>;
  open(from?: SourcePosition, config?: object, fields?: object[]): Promise<ShardReader>;
  context: SourceContext;
  warnings: string[];
  lags: Map<string, SourceLag | undefined>;
}

/** @param table the SQL that makes `T`. @param config what every reader is told. */
export async function tableFixture<C>(
  t: TestContext,
  type: SourceType<C>,
  table: string,
  config: object,
): Promise<TableFixture> {
  const name = `src_${randomBytes(4).toString('hex')}`;
  const clients: Client[] = [];
  const other = async () => {
    const client = new Client({ connectionString: DATABASE_URL! });
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return { run: async (sql: string) => (await client.query(sql.replaceAll(/\bT\b/g, name))).rows ?? [] };
  };
  const readers = new Set<ShardReader>();
  const { run } = await other();
  t.after(async () => {
    for (const reader of readers) await reader.close();
    for (const client of clients.slice(1)) await client.end();
    await run(`DROP TABLE IF EXISTS T, ${name}_o CASCADE; DROP FUNCTION IF EXISTS ${name}_o()`);
    await clients[0]?.end();
  });
  await run(table);
  const lags = new Map<string, SourceLag | undefined>();
  const warnings: string[] = [];
  const contextOf = (fields: object[]): SourceContext => {
    const schema = fieldsOf({ type: 'record', name: 'R', fields });
    const log = { info: () => {}, warn: (_: object, text: string) => warnings.push(text) };
    return sourceContext(
      '.',
      schema.map((field) => field.name),
      { schema, env: { DATABASE_URL }, lags, log },
    );
  };
  return {
    name,
    run,
    other,
    warnings,
    lags,
    context: contextOf(NAMES),
    async open(from, more = {}, fields = NAMES) {
      const source = type.create({ table: name, ...config, ...more } as C, contextOf(fields));
      const reader = await source.open((await source.shards())[0]!, from && JSON.parse(JSON.stringify(from)));
      readers.add(reader);
      return {
        read: (max, stop) => reader.read(max, stop),
        acknowledge: (settled) => reader.acknowledge!(settled),
        close: () => {
          readers.delete(reader);
          return reader.close();
        },
      };
    },
  };
}

/** Everything up to now. */
export async function all(reader: ShardReader, max = 100): Promise<{ items: RawItem[]; next: SourcePosition }> {
  const items: RawItem[] = [];
  for (;;) {
    const stop = AbortSignal.timeout(20_000);
    const chunk = await reader.read(max, stop);
    items.push(...chunk.items);
    if (chunk.caughtUp) return { items, next: chunk.next };
    if (stop.aborted) throw new Error(`never caught up, after ${items.length} items`);
  }
}

/** The next `count` items, whenever they come. */
export async function some(reader: ShardReader, count: number): Promise<RawItem[]> {
  const items: RawItem[] = [];
  const stop = AbortSignal.timeout(20_000);
  while (items.length < count) {
    items.push(...(await reader.read(100, stop)).items);
    if (stop.aborted) throw new Error(`${items.length} items, and not ${count}`);
  }
  return items;
}

/** Ids with names. */
export const plain = (items: RawItem[]): unknown[] =>
  items.map((item) => ('fields' in item ? [item.id, item.deleted ? 'deleted' : item.fields.name] : item.fault.code));
