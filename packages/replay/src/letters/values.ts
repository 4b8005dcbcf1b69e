/** Dead letters with the values that a replay would send now: the correction that waits, else what stands in Kafka. */
import type { Queries } from '../db/database.ts';
import { type DeadLetterRow, LETTER } from './row.ts';

export interface ValueRow extends DeadLetterRow {
  /** What would be sent. */
  value: Buffer | null;
  original: Buffer | null;
  key: Buffer | null;
  /** [[name, base64], …] */
  headers: [name: string, base64: string][];
  stack: string | null;
  service: string | null;
}

const SELECT = `select ${LETTER}, coalesce(c.value, r.value) as value, r.value as original, r.key, r.headers, r.stack, r.service
  from dead_letter d
  join letter_record r
    on r.topic = 'dlq.' || d.topic and r.partition = d.letter_partition and r.record_offset = d.letter_offset
  left join correction c on c.dead_letter = d.id and c.number = d.correction`;

/** In the order of the ids; without those that are gone. */
export async function withValues(queries: Queries, ids: readonly string[]): Promise<ValueRow[]> {
  if (ids.length === 0) return [];
  const rows = await queries.query<ValueRow>(`${SELECT} where d.id = any($1)`, [ids]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
