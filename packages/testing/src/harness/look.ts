/** What stands where: in topics, in the ledger, in tables. */
import assert from 'node:assert/strict';
import { LEDGER_TOPIC, type LedgerPart, parseMark, type Reconciliation, stationGroup } from '@quadrille/record';
import { readParts, readTopic, takePicture } from '@quadrille/station';
import { Client } from 'pg';
import type { FlowFixture } from './flow-fixture.ts';
import { until } from './until.ts';

export interface SeenRecord {
  partition: number;
  offset: number;
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer>;
}

/** Every record of a topic, by partition, then offset. */
export async function records({ clients, ...fixture }: FlowFixture, topic: string): Promise<SeenRecord[]> {
  const name = topic.replaceAll(/\bFLOW\b/g, fixture.name);
  const seen: SeenRecord[] = [];
  await readTopic(clients.kafka, clients.admin, [name], (_, partition, messages) => {
    for (const { offset, timestamp, key, value, headers } of messages) {
      seen.push({
        partition,
        offset: Number(offset),
        timestamp: Number(timestamp),
        key,
        value,
        headers: { ...headers } as Record<string, Buffer>,
      });
    }
  });
  return seen.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** The ledger's parts of one station, in the order they were written. */
export async function parts({ clients, name }: FlowFixture, station: string): Promise<LedgerPart[]> {
  return (await readParts(clients.kafka, clients.admin, name, station)).map(({ part }) => part);
}

/** Committed position and mark of a station's input partitions. */
export async function committed({ clients, name, flow }: FlowFixture, station: string) {
  const spec = flow.stations.get(station)!;
  assert.notEqual(spec.kind, 'extractor');
  const topic = 'from' in spec ? spec.from : '';
  const positions = await clients.admin.committed(stationGroup(name, station), topic);
  return positions.map(({ partition, offset, metadata }) => ({ partition, offset, mark: parseMark(metadata) }));
}

/** Resolves once a station has committed up to the present end of its input. */
export async function drained(fixture: FlowFixture, station: string, ms = 60_000): Promise<void> {
  const spec = fixture.flow.stations.get(station)!;
  const topic = 'from' in spec ? spec.from : '';
  const { admin } = fixture.clients;
  const group = stationGroup(fixture.name, station);
  await until(
    `${group} at the end of ${topic}`,
    async () => {
      const bounds = await admin.bounds(topic);
      const at = await admin.committed(group, topic);
      return bounds.every(
        ({ low, high }, partition) => high === low || at.find((each) => each.partition === partition)?.offset === high,
      );
    },
    ms,
  );
}

/** Balances the flow's books. */
export async function reconcile({ clients, flow }: FlowFixture): Promise<Reconciliation> {
  return (await takePicture(clients.kafka, clients.admin, flow)).reconcile();
}

export async function assertBalanced(fixture: FlowFixture): Promise<Reconciliation> {
  const result = await reconcile(fixture);
  assert.deepEqual(result.findings, []);
  assert.equal(result.balanced, true);
  assert.equal(result.unaccounted, 0);
  return result;
}

/** Rows of a table, in the order of its first column. */
export async function rows({ clients }: FlowFixture, table: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: clients.addresses.databaseUrl });
  await client.connect();
  try {
    return (await client.query(`SELECT * FROM ${client.escapeIdentifier(table)} ORDER BY 1`)).rows;
  } finally {
    await client.end();
  }
}

export async function dropTable({ clients }: FlowFixture, table: string): Promise<void> {
  const client = new Client({ connectionString: clients.addresses.databaseUrl });
  await client.connect();
  await client.query(`DROP TABLE IF EXISTS ${client.escapeIdentifier(table)}`);
  await client.end();
}

export { LEDGER_TOPIC };
