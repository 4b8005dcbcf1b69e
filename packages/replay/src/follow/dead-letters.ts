/** Takes in every record of the dead-letter topics, with the offset it came to, in one transaction. */
import type { Tx } from '../db/database.ts';
import { linkRange } from '../letters/link.ts';
import { type KafkaRecord, type LetterRow, letterRow } from './letter-row.ts';

/** Idempotent: a record that stands already is left as it is. @returns how many were no dead letters of ours. */
export async function takeLetters(
  tx: Tx,
  topic: string,
  partition: number,
  records: readonly KafkaRecord[],
): Promise<number> {
  const rows: LetterRow[] = [];
  for (const record of records) {
    const row = letterRow(topic, partition, record);
    if (row !== undefined) rows.push(row);
  }
  if (rows.length > 0) {
    await tx.query(INSERT, [JSON.stringify(rows)]);
    await linkRange(tx, { topic, partition, from: rows[0]!.record_offset, to: rows.at(-1)!.record_offset + 1 });
  }
  return records.length - rows.length;
}

const COLUMNS = `topic, partition, record_offset, flow, station, record_id, version, revision, replay, code, class, field,
  fingerprint, message, place, stack, service, deliveries, first_at, last_at, source_topic, source_partition,
  source_offset, record_timestamp`;

const INSERT = `
INSERT INTO letter_record (${COLUMNS}, key, value, headers)
SELECT ${COLUMNS}, decode(key, 'base64'), decode(value, 'base64'), headers
FROM jsonb_to_recordset($1::jsonb) AS r(
  topic text, partition integer, record_offset bigint, flow text, station text, record_id text, version bigint,
  revision bigint, replay text, code text, class text, field text, fingerprint text, message text, place text,
  stack text, service text, deliveries integer, first_at timestamptz, last_at timestamptz, source_topic text,
  source_partition integer, source_offset bigint, record_timestamp bigint, key text, value text, headers jsonb)
ON CONFLICT DO NOTHING`;
