/** A record of a dead-letter topic as a row: what its headers tell, and its bytes as they stand. */
import { createHash } from 'node:crypto';
import { DLQ, FAULT, HEADER, unpackHeader } from '@quadrille/record';

/** A record as Kafka's client gives it. */
export interface KafkaRecord {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>;
}

/** Columns of `letter_record`, bytes in base64: what jsonb_to_recordset takes. */
export interface LetterRow {
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
  stack: string | null;
  service: string | null;
  deliveries: number;
  first_at: string;
  last_at: string;
  source_topic: string;
  source_partition: number;
  source_offset: number;
  record_timestamp: number;
  key: string | null;
  value: string | null;
  headers: [string, string][];
}

/** @returns undefined when it is no dead letter of ours: it lacks our headers, or they hold what no station writes. */
export function letterRow(topic: string, partition: number, record: KafkaRecord): LetterRow | undefined {
  const header = (name: string): string | undefined => {
    const value = record.headers?.[name]?.toString();
    return value === undefined ? undefined : text(value);
  };
  const group = /^([^.]+)\.([^.]+)$/.exec(header(`${DLQ}group`) ?? '');
  const code = header(`${FAULT}code`);
  const source = header(`${DLQ}topic`);
  if (group === null || code === undefined || source === undefined) return undefined;
  // A row that PostgreSQL refuses would stop all that stand behind it, for good.
  const sourcePartition = whole(header(`${DLQ}partition`), MAX_INT);
  const sourceOffset = whole(header(`${DLQ}offset`), Number.MAX_SAFE_INTEGER);
  const deliveries = whole(header(`${DLQ}delivery.count`) ?? '1', MAX_INT);
  const at = new Date(Number(record.timestamp)).toISOString();
  const first = header(`${FAULT}first`) ?? at;
  const last = header(`${FAULT}last`) ?? at;
  if (sourcePartition === undefined || sourceOffset === undefined || deliveries === undefined) return undefined;
  if (!isMoment(first) || !isMoment(last)) return undefined;
  return {
    topic,
    partition,
    record_offset: Number(record.offset),
    flow: group[1]!,
    station: group[2]!,
    ...whoIs(record, sourceOffset),
    code,
    class: header(`${FAULT}class`) ?? '',
    field: header(`${FAULT}field`) ?? null,
    fingerprint: header(`${FAULT}fingerprint`) ?? '',
    message: header(`${DLQ}message`) ?? '',
    place: header(`${FAULT}place`) ?? null,
    stack: header(`${FAULT}stack`) ?? null,
    service: header(`${FAULT}service`) ?? null,
    deliveries,
    first_at: first,
    last_at: last,
    source_topic: source,
    source_partition: sourcePartition,
    source_offset: sourceOffset,
    record_timestamp: Number(record.timestamp),
    key: record.key?.toString('base64') ?? null,
    value: record.value?.toString('base64') ?? null,
    headers: Object.entries(record.headers ?? {}).flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values])
        .filter((value) => value !== undefined)
        .map((value): [string, string] => [text(name), Buffer.from(value).toString('base64')]),
    ),
  };
}

/** A record of another system has its key as id, and its place as version. */
function whoIs(
  { headers, key }: KafkaRecord,
  sourceOffset: number,
): Pick<LetterRow, 'record_id' | 'version' | 'revision' | 'replay'> {
  const header = headers?.[HEADER];
  if (Buffer.isBuffer(header)) {
    try {
      const { id, version, revision, replay } = unpackHeader(header, key);
      return {
        record_id: id === '' ? null : text(id),
        version: String(version),
        revision,
        replay: replay === undefined ? null : text(replay),
      };
    } catch {
      // The header itself may be what was wrong with the record.
    }
  }
  const id = key === null || key.length === 0 ? null : text(key.toString('utf8'));
  return { record_id: id, version: String(sourceOffset), revision: 0, replay: null };
}

const MAX_INT = 2 ** 31 - 1;

const whole = (written: string | undefined, most: number): number | undefined =>
  written !== undefined && /^\d{1,16}$/.test(written) && Number(written) <= most ? Number(written) : undefined;

const isMoment = (written: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(written) && !Number.isNaN(Date.parse(written));

/** PostgreSQL's text has no NUL. */
const text = (given: string): string => given.replaceAll('\0', '\uFFFD');

/** All attempts at one record at one station are one dead letter: 12 hex digits. Without an id its first place tells it. */
export function deadLetterId(
  row: Pick<
    LetterRow,
    'flow' | 'station' | 'record_id' | 'version' | 'source_topic' | 'source_partition' | 'source_offset'
  >,
): string {
  const { flow, station, record_id, version, source_topic, source_partition, source_offset } = row;
  const who = record_id === null ? [source_topic, source_partition, source_offset] : [record_id, version];
  return createHash('sha256')
    .update([flow, station, ...who].join('\0'))
    .digest('hex')
    .slice(0, 12);
}
