/**
 * Makes dead letters of records that a live part of the ledger claims. Record and claim come in either order; whichever
 * is second makes the link. A record of a higher revision is the next attempt at the same dead letter; one of a revision
 * that is known is another occurrence, and changes nothing. Attempts come in any order, since chains do when the database
 * is made anew.
 */
import type { OffsetRange } from '@quadrille/record';
import type { Tx } from '../db/database.ts';
import { deadLetterId } from '../follow/letter-row.ts';
import { applyPending } from './apply.ts';

interface Unlinked {
  topic: string;
  partition: number;
  record_offset: number;
  flow: string;
  station: string;
  record_id: string | null;
  version: string;
  revision: number;
  replay: string | null;
  code: string;
  class: string;
  field: string | null;
  fingerprint: string;
  message: string;
  place: string | null;
  first_at: Date;
  last_at: Date;
  source_topic: string;
  source_partition: number;
  source_offset: number;
  key_text: string | null;
  bytes: number;
}

/** Links what stands in a range of a dead-letter topic and is claimed. Call within the transaction that has added either. */
export async function linkRange(tx: Tx, { topic, partition, from, to }: OffsetRange): Promise<void> {
  // Record and claim may be added at the same time, and neither transaction sees the other's row: one has to wait.
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' link ' || $1, $2))", [
    topic,
    partition,
  ]);
  const found = await tx.query<Unlinked>(
    `SELECT r.topic, r.partition, r.record_offset, r.flow, r.station, r.record_id, r.version::text, r.revision, r.replay,
       r.code, r.class, r.field, r.fingerprint, r.message, r.place, r.first_at, r.last_at, r.source_topic,
       r.source_partition, r.source_offset, coalesce(length(r.value), 0) AS bytes, r.key AS key_bytes
     FROM letter_record r
     -- Runs do not overlap: the one that begins last before a record is the only one that can hold it, however many there are.
     CROSS JOIN LATERAL (
       SELECT x.to_offset FROM rejected_run x
       WHERE x.topic = r.topic AND x.partition = r.partition AND x.from_offset <= r.record_offset
       ORDER BY x.from_offset DESC LIMIT 1
     ) run
     WHERE r.topic = $1 AND r.partition = $2 AND r.record_offset >= $3 AND r.record_offset < $4 AND r.dead_letter IS NULL
       AND run.to_offset > r.record_offset
     ORDER BY r.record_offset`,
    [topic, partition, from, to],
  );
  if (found.length === 0) return;
  const attempts = new Map<string, Unlinked[]>();
  const linked: { record_offset: number; id: string }[] = [];
  for (const row of found) {
    const bytes = (row as unknown as { key_bytes: Buffer | null }).key_bytes;
    row.key_text = bytes === null ? null : bytes.toString('utf8').replaceAll('\0', '\uFFFD');
    const id = deadLetterId(row);
    linked.push({ record_offset: row.record_offset, id });
    const before = attempts.get(id) ?? [];
    if (row.revision > (before.at(-1)?.revision ?? -1)) before.push(row);
    attempts.set(id, before);
  }
  await tx.query(
    `UPDATE letter_record r SET dead_letter = l.id FROM jsonb_to_recordset($3::jsonb) AS l(record_offset bigint, id text)
     WHERE r.topic = $1 AND r.partition = $2 AND r.record_offset = l.record_offset`,
    [topic, partition, JSON.stringify(linked)],
  );
  // One attempt of each at a time: a statement may touch a row once only.
  for (let round = 0; ; round++) {
    const rows = [...attempts].flatMap(([id, list]) => (list[round] === undefined ? [] : [{ id, ...list[round] }]));
    if (rows.length === 0) break;
    await tx.query(UPSERT, [JSON.stringify(rows)]);
  }
  await tx.query(COUNT, [[...attempts.keys()]]);
  await applyPending(tx, [...attempts.keys()]);
}

/** An attempt that comes after a later one changes nothing but how many there are, and since when. */
const COUNT = `
UPDATE dead_letter d SET attempts = a.attempts, first_at = a.first_at
FROM (
  SELECT dead_letter AS id, count(DISTINCT revision)::integer AS attempts, min(first_at) AS first_at
  FROM letter_record WHERE dead_letter = ANY($1) GROUP BY 1
) a
WHERE d.id = a.id AND (d.attempts, d.first_at) IS DISTINCT FROM (a.attempts, a.first_at)`;

const UPSERT = `
WITH given AS (
  SELECT *, substr(topic, 5) AS data_topic FROM jsonb_to_recordset($1::jsonb) AS r(
    id text, topic text, partition integer, record_offset bigint, flow text, station text, record_id text, version bigint,
    revision bigint, replay text, code text, class text, field text, fingerprint text, message text, place text,
    first_at timestamptz, last_at timestamptz, source_topic text, source_partition integer, source_offset bigint,
    key_text text, bytes integer)
), counted AS (
  INSERT INTO letter_hour AS h (flow, station, fingerprint, hour, failures)
  SELECT flow, station, fingerprint, date_trunc('hour', last_at), count(*) FROM given GROUP BY 1, 2, 3, 4
  ON CONFLICT (flow, station, fingerprint, hour) DO UPDATE SET failures = h.failures + excluded.failures
)
INSERT INTO dead_letter AS d (id, state, flow, station, topic, record_id, version, revision, code, class, field,
  fingerprint, message, place, attempts, first_at, last_at, letter_partition, letter_offset, source_topic,
  source_partition, source_offset, key_text, bytes, replay)
SELECT id, 'open', flow, station, data_topic, record_id, version, revision, code, class, field, fingerprint, message,
  place, 1, first_at, last_at, partition, record_offset, source_topic, source_partition, source_offset, key_text, bytes,
  replay
FROM given
ON CONFLICT (id) DO UPDATE SET
  edition = d.edition + 1, state = 'open', revision = excluded.revision, code = excluded.code, class = excluded.class,
  field = excluded.field, fingerprint = excluded.fingerprint, message = excluded.message, place = excluded.place,
  last_at = excluded.last_at,
  letter_partition = excluded.letter_partition, letter_offset = excluded.letter_offset, bytes = excluded.bytes,
  replay = coalesce(excluded.replay, d.replay), correction = NULL, resolved_verdict = NULL, resolved_code = NULL,
  set_aside_reason = NULL, settled_by = NULL, settled_at = NULL, downstream = '[]'
WHERE excluded.revision > d.revision`;
