/**
 * Reads a partition's state back: of the session that the committed position names, under each key the newest entry that
 * is not beyond that position. All else was written by attempts that do not count, and by sessions that are over.
 */
import { placeOf } from '@quadrille/record';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { readRanges } from '../kafka/ranges.ts';
import type { Kafka } from '../kafka/types.ts';
import { stateCodec } from '../own-topics.ts';

export interface Restored {
  /** JSON by key. */
  entries: [key: string, body: string][];
  /** Keys in the topic of this input partition, to be taken away once a new session counts. */
  stale: string[];
}

/** `<input partition>.<session>.<slot>.<key>` */
export const stateKey = (partition: number, session: string, slot: 0 | 1, key: string): string =>
  `${partition}.${session}.${slot}.${key}`;

const KEY = /^(\d+)\.([0-9a-f]+)\.([01])\.(.*)$/s;

/** @param session undefined: nothing counts. @throws Fault BROKER_UNAVAILABLE */
export async function restoreState(
  kafka: Kafka,
  admin: KafkaAdmin,
  topic: string,
  partition: number,
  offset: number,
  session: string | undefined,
): Promise<Restored> {
  if (session === undefined) return { entries: [], stale: [] };
  const bounds = await admin.bounds(topic);
  const own = partition % bounds.length;
  const { low, high } = bounds[own]!;
  const standing = new Map<string, { offset: number; body: string }>();
  if (low < high)
    await readRanges(kafka, [{ topic, partition: own, from: low, to: high }], (_, __, message) => {
      const raw = message.key?.toString() ?? '';
      if (message.value === null) standing.delete(raw);
      else standing.set(raw, stateCodec.decode(message.value, placeOf(topic, own, Number(message.offset))));
    });
  return chosen(standing, partition, offset, session);
}

/** Pure. @param standing the newest entry under each key of the topic. */
export function chosen(
  standing: ReadonlyMap<string, { offset: number; body: string }>,
  partition: number,
  offset: number,
  session: string,
): Restored {
  const newest = new Map<string, { offset: number; body: string }>();
  const stale: string[] = [];
  for (const [raw, entry] of standing) {
    const [, of, its, , key] = KEY.exec(raw) ?? [];
    if (key === undefined || Number(of) !== partition) continue;
    stale.push(raw);
    if (its !== session || entry.offset > offset) continue;
    const known = newest.get(key);
    if (known === undefined || known.offset < entry.offset) newest.set(key, entry);
  }
  return { entries: [...newest].map(([key, { body }]) => [key, body]), stale };
}
