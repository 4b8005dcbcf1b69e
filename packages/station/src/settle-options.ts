/** How a station writes its rounds down: its name on dead letters, its entries in the ledger. The same for both of its loops. */
import { deadLetterTopic, LEDGER_TOPIC, type LedgerEntry, partitionOf, stationGroup } from '@quadrille/record';
import type { Surroundings } from './assemble.ts';
import type { Intake } from './intake.ts';
import type { Outlet } from './kafka/producer.ts';
import { ledgerCodec } from './own-topics.ts';
import type { SettleOptions } from './settle.ts';
import { stateTopicOf } from './state/topic.ts';
import { VERSION } from './version.ts';

/** @param outlet the loop's own producer. */
export function settleOptionsOf(
  { flow, spec, config, partitions }: Surroundings,
  intake: Intake,
  outlet: Outlet,
): SettleOptions {
  const group = stationGroup(flow.name, spec.name);
  const deadLettersOf = spec.kind === 'extractor' ? spec.to : spec.from;
  return {
    flow: flow.name,
    station: spec.name,
    instance: config.instance,
    rejecter: { group, station: spec.name, service: VERSION },
    intake,
    deadLettersOf,
    deadLetterPartitions: partitions.get(deadLetterTopic(deadLettersOf))!,
    positionsTopic: undefined,
    stateTopic: stateTopicOf(flow, spec),
    send: (outbox) => outlet.send(outbox),
    writeLedger: (entry) => writeLedger(outlet, entry, group, partitions.get(LEDGER_TOPIC)!),
    ledger: config.ledger,
    now: () => Date.now(),
  };
}

/** Writes an entry. @throws Fault BROKER_UNAVAILABLE: whether it stands in the ledger is unknown, write it again. */
export async function writeLedger(
  outlet: Outlet,
  entry: LedgerEntry,
  key: string,
  partitions: number,
): Promise<{ partition: number; offset: number }> {
  const bytes = Buffer.from(key);
  const partition = partitionOf(bytes, partitions);
  const message = { key: bytes, value: ledgerCodec.encode(entry), headers: {}, partition, timestamp: String(entry.at) };
  const placement = await outlet.send(new Map([[LEDGER_TOPIC, new Map([[partition, [message]]])]]));
  return { partition, offset: placement.get(LEDGER_TOPIC)!.get(partition)![0]!.offset };
}
