/** What a run has left behind: the table, the dead letters, the books. Two runs that did the same work have equal results. */
import { createHash } from 'node:crypto';
import { type Flow, type LoaderSpec, readTopicSchema } from '@quadrille/flow';
import { DLQ, FAULT, HEADER, type Reconciliation, unpackHeader } from '@quadrille/record';
import { type KafkaAdmin, readTopic, takePicture } from '@quadrille/station';
import { Client } from 'pg';

export interface TableResult {
  rows: number;
  /** Over all columns of the schema, in no order; the loader's own columns are left out. */
  checksum: string;
}

export interface RunResult {
  tables: Record<string, TableResult>;
  deadLetters: {
    /** Live ones, each record counted once: a duplicate that is rejected again is the same dead letter. */
    records: number;
    checksum: string;
    /** Live ones as they stand in the topics. */
    standing: number;
  };
  books: Reconciliation;
}

export async function readResult(
  kafka: Parameters<typeof takePicture>[0],
  admin: KafkaAdmin,
  flow: Flow,
  databaseUrl: string,
): Promise<RunResult> {
  const picture = await takePicture(kafka, admin, flow);
  const books = picture.reconcile();
  const topics = books.ends.map(({ topic }) => topic).filter((topic) => topic.startsWith('dlq.'));
  const seen = new Set<string>();
  let standing = 0;
  await readTopic(kafka, admin, topics, (topic, partition, messages) => {
    for (const { offset, key, headers } of messages) {
      if (picture.claimantOf(topic, partition, Number(offset)) === undefined) continue;
      standing++;
      const header = headers?.[HEADER];
      const who = Buffer.isBuffer(header) ? unpackHeader(header, key) : undefined;
      const id =
        who === undefined
          ? `${headers?.[`${DLQ}partition`]}@${headers?.[`${DLQ}offset`]}`
          : `${who.id} ${who.version} ${who.revision}`;
      seen.add(`${headers?.[`${FAULT}station`]} ${id} ${headers?.[`${FAULT}code`]}`);
    }
  });
  const tables: Record<string, TableResult> = {};
  for (const station of flow.stations.values()) {
    if (station.kind === 'loader')
      tables[String(station.target.config.table)] = await readTable(flow, station, databaseUrl);
  }
  const checksum = createHash('sha256')
    .update([...seen].sort().join('\n'))
    .digest('hex')
    .slice(0, 16);
  return { tables, deadLetters: { records: seen.size, checksum, standing }, books };
}

async function readTable(flow: Flow, { from, target }: LoaderSpec, databaseUrl: string): Promise<TableResult> {
  const { fields } = await readTopicSchema(flow.schemas, from);
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const columns = fields.map(({ name }) => client.escapeIdentifier(name)).join(', ');
    const { rows } = await client.query<{ rows: string; checksum: string | null }>(
      `SELECT count(*) AS rows, sum(hashtextextended(ROW(_id, _deleted, ${columns})::text, 0)::numeric)::text AS checksum
       FROM ${client.escapeIdentifier(String(target.config.table))}`,
    );
    return { rows: Number(rows[0]!.rows), checksum: rows[0]!.checksum ?? '' };
  } finally {
    await client.end();
  }
}
