/** Which records of dead-letter topics count: those that a live part of the ledger claims, whatever flow it is of. */
import {
  type CommittedOffset,
  foldLedger,
  LEDGER_TOPIC,
  type LedgerFold,
  stationGroup,
  type Watermark,
} from '@quadrille/record';
import { readLedger } from '@quadrille/station';
import type { Servers } from '../servers.ts';

/**
 * The fold over all flows there are, in the order foldLedger asks for. Its sums mean nothing here, its claims do.
 * @param topics dead-letter topics whose claims are asked for.
 */
export async function claimsOn(
  { kafka, admin }: Servers,
  topics: readonly string[],
): Promise<LedgerFold['claimantOf']> {
  const existing = new Set(await admin.listTopics());
  if (!existing.has(LEDGER_TOPIC)) return () => undefined;
  const inputs = new Map<string, { group: string; topic: string }>();
  for (const { entry } of await readLedger(kafka, admin)) {
    const group = stationGroup(entry.flow, entry.station);
    for (const { topic } of entry.parts) if (existing.has(topic)) inputs.set(`${group} ${topic}`, { group, topic });
  }
  const committed: CommittedOffset[] = [];
  for (const { group, topic } of inputs.values()) {
    for (const { partition, offset, metadata } of await admin.committed(group, topic)) {
      if (offset !== undefined) committed.push({ group, topic, partition, offset, metadata });
    }
  }
  const entries = await readLedger(kafka, admin);
  const watermarks: Watermark[] = [];
  for (const topic of new Set([...topics, ...[...inputs.values()].map((input) => input.topic)])) {
    for (const [partition, { low, high }] of (await admin.bounds(topic)).entries())
      watermarks.push({ topic, partition, low, high });
  }
  const fold = foldLedger({ shape: { flow: '', stations: [] }, entries, committed, watermarks, sparse: new Set() });
  return fold.claimantOf;
}
