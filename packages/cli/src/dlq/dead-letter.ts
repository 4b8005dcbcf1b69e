/** A dead letter as its headers tell it. */
import { DLQ, FAULT, placeOf } from '@quadrille/record';

export interface KafkaRecord {
  key: Buffer | null;
  value: Buffer | null;
  timestamp: string;
  offset: string;
  headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>;
}

export interface DeadLetter {
  /** Where it stands: the dead-letter topic. */
  topic: string;
  partition: number;
  offset: number;
  /** Where the record stood first; of an extractor its positions topic. */
  source: { topic: string; partition: number; offset: number };
  code: string;
  class: string;
  station: string;
  group: string;
  field: string | undefined;
  message: string;
  /** File and line, rule, and the like. */
  place: string | undefined;
  fingerprint: string;
  stack: string | undefined;
  deliveries: number;
  /** ISO-8601. */
  first: string;
  last: string;
  service: string | undefined;
  key: string | null;
  bytes: number;
  /** A live part of the ledger claims it; the others were left by attempts that did not count. */
  live: boolean;
}

/** @returns undefined when the record carries no headers of a dead letter. */
export function deadLetterOf(
  topic: string,
  partition: number,
  record: KafkaRecord,
  live: boolean,
): DeadLetter | undefined {
  const header = (name: string): string | undefined => record.headers?.[name]?.toString();
  const code = header(`${FAULT}code`);
  if (code === undefined) return undefined;
  const at = new Date(Number(record.timestamp)).toISOString();
  return {
    topic,
    partition,
    offset: Number(record.offset),
    source: {
      topic: header(`${DLQ}topic`) ?? '',
      partition: Number(header(`${DLQ}partition`) ?? -1),
      offset: Number(header(`${DLQ}offset`) ?? -1),
    },
    code,
    class: header(`${FAULT}class`) ?? '',
    station: header(`${FAULT}station`) ?? '',
    group: header(`${DLQ}group`) ?? '',
    field: header(`${FAULT}field`),
    message: header(`${DLQ}message`) ?? '',
    place: header(`${FAULT}place`),
    fingerprint: header(`${FAULT}fingerprint`) ?? '',
    stack: header(`${FAULT}stack`),
    deliveries: Number(header(`${DLQ}delivery.count`) ?? 1),
    first: header(`${FAULT}first`) ?? at,
    last: header(`${FAULT}last`) ?? at,
    service: header(`${FAULT}service`),
    key: record.key === null ? null : record.key.toString('utf8'),
    bytes: record.value?.length ?? 0,
    live,
  };
}

export const nameOf = ({ topic, partition, offset }: DeadLetter): string => placeOf(topic, partition, offset);
