/** Rows of `dead_letter` as the API gives them. */
import type { DeadLetter, Downstream, LetterState } from '../api/index.ts';

export interface DeadLetterRow {
  id: string;
  edition: number;
  state: LetterState;
  flow: string;
  station: string;
  topic: string;
  record_id: string | null;
  version: string | null;
  revision: number;
  code: string;
  class: string;
  field: string | null;
  fingerprint: string;
  message: string;
  place: string | null;
  attempts: number;
  first_at: Date;
  last_at: Date;
  letter_partition: number;
  letter_offset: number;
  source_topic: string;
  source_partition: number;
  source_offset: number;
  key_text: string | null;
  bytes: number;
  correction: number | null;
  replay: string | null;
  resolved_verdict: string | null;
  resolved_code: string | null;
  set_aside_reason: string | null;
  settled_by: string | null;
  settled_at: Date | null;
  downstream: Downstream[];
}

/** Columns of `dead_letter d`; the version as text, since it has 64 bits. */
export const LETTER = `d.id, d.edition, d.state, d.flow, d.station, d.topic, d.record_id, d.version::text as version,
  d.revision, d.code, d.class, d.field, d.fingerprint, d.message, d.place, d.attempts, d.first_at, d.last_at,
  d.letter_partition, d.letter_offset, d.source_topic, d.source_partition, d.source_offset, d.key_text, d.bytes,
  d.correction, d.replay, d.resolved_verdict, d.resolved_code, d.set_aside_reason, d.settled_by, d.settled_at, d.downstream`;

export function deadLetterOf(row: DeadLetterRow): DeadLetter {
  return {
    id: row.id,
    edition: row.edition,
    state: row.state,
    flow: row.flow,
    station: row.station,
    topic: row.topic,
    recordId: row.record_id,
    version: row.version,
    revision: row.revision,
    code: row.code,
    class: row.class,
    field: row.field,
    fingerprint: row.fingerprint,
    message: row.message,
    place: row.place,
    attempts: row.attempts,
    first: row.first_at.toISOString(),
    last: row.last_at.toISOString(),
    at: { topic: `dlq.${row.topic}`, partition: row.letter_partition, offset: row.letter_offset },
    source: { topic: row.source_topic, partition: row.source_partition, offset: row.source_offset },
    key: row.key_text,
    bytes: row.bytes,
    corrected: row.correction !== null,
    replay: row.replay,
    resolution:
      row.settled_at === null || (row.state !== 'resolved' && row.state !== 'discarded')
        ? null
        : {
            verdict: row.state === 'discarded' ? 'discarded' : (row.resolved_verdict ?? 'pass'),
            code: row.state === 'discarded' ? null : row.resolved_code,
            reason: row.set_aside_reason,
            by: row.settled_by,
            at: row.settled_at.toISOString(),
          },
    downstream: row.downstream,
  };
}
