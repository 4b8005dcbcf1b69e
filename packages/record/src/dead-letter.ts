/**
 * A dead letter's headers: Kafka's own names (KIP-1191) for where it comes from, `quadrille.fault.*` for what was wrong.
 * Key, value, other headers and timestamp are the original's, byte for byte (invariant 4). Headers are replaced on each failure, never grown.
 */
import { createHash } from 'node:crypto';
import type { Fault } from './fault.ts';
import { HEADER } from './names.ts';
import type { InputRecord } from './record.ts';

export const DLQ = '__dlq.errors.';
export const FAULT = 'quadrille.fault.';
const STACK_LIMIT = 2_000;
const MESSAGE_LIMIT = 1_000;

type Headers = Record<string, Buffer | string | (Buffer | string)[]>;

/** Who rejects, and since when it runs: constant for a station. */
export interface Rejecter {
  group: string;
  station: string;
  /** Version of the service. */
  service: string;
}

/**
 * The headers of a dead letter. Where the record is itself a replayed dead letter, the original position and the
 * first time are kept and the delivery count goes up.
 */
export function deadLetterHeaders(record: InputRecord, fault: Fault, by: Rejecter, now: number): Headers {
  const headers: Headers = {};
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    if (value === undefined || name.startsWith(DLQ) || name.startsWith(FAULT)) continue;
    headers[name] = value;
  }
  if (record.header !== undefined) headers[HEADER] = record.header;
  const before = (name: string): string | undefined => record.headers?.[name]?.toString();
  const times = Number(before(`${DLQ}delivery.count`) ?? 0) + 1;
  headers[`${DLQ}topic`] = before(`${DLQ}topic`) ?? record.topic;
  headers[`${DLQ}partition`] = before(`${DLQ}partition`) ?? String(record.partition);
  headers[`${DLQ}offset`] = before(`${DLQ}offset`) ?? String(record.offset);
  headers[`${DLQ}group`] = by.group;
  headers[`${DLQ}delivery.count`] = String(times);
  headers[`${DLQ}message`] = fault.message.slice(0, MESSAGE_LIMIT);
  headers[`${FAULT}code`] = fault.code;
  headers[`${FAULT}class`] = fault.class;
  headers[`${FAULT}station`] = by.station;
  if (fault.field !== undefined) headers[`${FAULT}field`] = fault.field;
  if (fault.place !== undefined) headers[`${FAULT}place`] = fault.place;
  headers[`${FAULT}fingerprint`] = fingerprint(by.station, fault);
  const stack = ownStack(fault);
  if (stack !== '') headers[`${FAULT}stack`] = stack;
  headers[`${FAULT}first`] = before(`${FAULT}first`) ?? new Date(now).toISOString();
  headers[`${FAULT}last`] = new Date(now).toISOString();
  headers[`${FAULT}service`] = by.service;
  return headers;
}

/**
 * Same cause, same fingerprint: station, code, field and the first stack frame of a thrown error; never the message,
 * which holds values. 16 hex digits.
 */
export function fingerprint(station: string, fault: Fault): string {
  const frame = ownStack(fault).split('\n')[0] ?? '';
  const at = frame.replace(/^.*?([^/\\(]+:\d+:\d+)\)?$/, '$1');
  return createHash('sha256')
    .update(`${station}\0${fault.code}\0${fault.field ?? ''}\0${at}`)
    .digest('hex')
    .slice(0, 16);
}

/** The frames of what a rule threw, without the message line (it may hold payload), without node's own, capped. */
function ownStack(fault: Fault): string {
  const cause = fault.cause instanceof Error ? fault.cause : undefined;
  if (cause?.stack === undefined) return '';
  return cause.stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('node:') && !line.includes('node_modules'))
    .map((line) => line.trim())
    .join('\n')
    .slice(0, STACK_LIMIT);
}
