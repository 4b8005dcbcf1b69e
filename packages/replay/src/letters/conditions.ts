/** A selection of dead letters as a condition of SQL over `dead_letter d`; its `where` and `limit` are not in it. */
import type { Selection } from '../api/index.ts';

const ID_DIGITS = 12;
const FINGERPRINT_DIGITS = 16;

/** Values of a query's parameters, in the order in which they are named. */
export class Parameters {
  readonly values: unknown[] = [];

  /** @returns the parameter's name in the query: `$1`, `$2` … */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** @returns conditions, all of which hold together; `true` when there are none. */
export function conditionsOf(selection: Selection, parameters: Parameters): string {
  const { ids, prefix, record, flow, station, topic, group, code, key, offsets, partition, since, until, states } =
    selection;
  const all: string[] = [];
  const on = (value: unknown, condition: (parameter: string) => string): void => {
    if (value !== undefined) all.push(condition(parameters.add(value)));
  };
  on(ids, (list) => `d.id = any(${list})`);
  if (prefix !== undefined) all.push(beginsWith('d.id', prefix, ID_DIGITS, parameters));
  on(record, (id) => `d.record_id = ${id}`);
  on(flow, (name) => `d.flow = ${name}`);
  on(station, (name) => `d.station = ${name}`);
  if (topic !== undefined)
    // A data topic may itself be called dlq.something.
    all.push(`d.topic = any(${parameters.add([topic, topic.replace(/^dlq\./, '')])})`);
  if (group !== undefined) all.push(beginsWith('d.fingerprint', group, FINGERPRINT_DIGITS, parameters));
  on(code, (text) => `d.code = ${text}`);
  on(key, (text) => `d.key_text = ${text}`);
  on(offsets?.from, (from) => `d.letter_offset >= ${from}`);
  on(offsets?.to, (to) => `d.letter_offset <= ${to}`);
  on(partition, (number) => `d.letter_partition = ${number}`);
  on(since, (moment) => `d.last_at >= ${moment}::timestamptz`);
  on(until, (moment) => `d.last_at < ${moment}::timestamptz`);
  on(states, (list) => `d.state = any(${list})`);
  return all.length === 0 ? 'true' : all.join(' and ');
}

/** Of hex digits of one length; as a range, which an index serves in every collation. */
export function beginsWith(column: string, prefix: string, digits: number, parameters: Parameters): string {
  if (prefix.length === digits) return `${column} = ${parameters.add(prefix)}`;
  const from = parameters.add(prefix.padEnd(digits, '0'));
  return `${column} between ${from} and ${parameters.add(prefix.padEnd(digits, 'f'))}`;
}
