/** Reads dead letters straight from their topics. */
import type { LedgerFold, OffsetRange } from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { Servers } from '../servers.ts';
import { type DeadLetter, deadLetterOf } from './dead-letter.ts';

/** Every dead letter of these topics, in order of each partition. Topics that are absent have none. */
export async function readDeadLetters(
  servers: Servers,
  topics: readonly string[],
  claimantOf: LedgerFold['claimantOf'],
  onLetter: (letter: DeadLetter) => void,
): Promise<void> {
  const { admin, kafka } = servers;
  const existing = new Set(await admin.listTopics());
  const ranges: OffsetRange[] = [];
  for (const topic of topics.filter((each) => existing.has(each))) {
    for (const [partition, { low, high }] of (await admin.bounds(topic)).entries()) {
      if (high > low) ranges.push({ topic, partition, from: low, to: high });
    }
  }
  if (ranges.length === 0) return;
  await readRanges(kafka, ranges, (topic, partition, message) => {
    const letter = deadLetterOf(
      topic,
      partition,
      message,
      claimantOf(topic, partition, Number(message.offset)) !== undefined,
    );
    if (letter !== undefined) onLetter(letter);
  });
}
