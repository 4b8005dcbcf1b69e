/** Reads dead letters straight from their topics. */
import type { LedgerFold, OffsetRange } from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import type { Servers } from '../servers.ts';
import { claimsOn } from './claims.ts';
import { type DeadLetter, deadLetterOf } from './dead-letter.ts';
import { matches, type Selection } from './selection.ts';

/** Every dead letter of these topics, in order of each partition. Topics that are absent have none. */
export async function readDeadLetters(
  servers: Servers,
  topics: readonly string[],
  claimantOf: LedgerFold['claimantOf'],
  onLetter: (letter: DeadLetter) => void,
  offsets: Selection['offsets'] = undefined,
): Promise<void> {
  const { admin, kafka } = servers;
  const existing = new Set(await admin.listTopics());
  const ranges: OffsetRange[] = [];
  for (const topic of topics.filter((each) => existing.has(each))) {
    for (const [partition, { low, high }] of (await admin.bounds(topic)).entries()) {
      const from = Math.max(low, offsets?.from ?? 0);
      const to = Math.min(high, (offsets?.to ?? high) + 1);
      if (to > from) ranges.push({ topic, partition, from, to });
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

/** Hands over what a selection means, in order of each partition. `dead`: how many match, but were left by attempts that did not count. */
export async function selectDeadLetters(
  servers: Servers,
  selection: Selection,
  take: (letter: DeadLetter) => void,
): Promise<{ dead: number }> {
  const topics =
    selection.topic === undefined
      ? (await servers.admin.listTopics()).filter((topic) => topic.startsWith('dlq.'))
      : [selection.topic];
  const existing = new Set(await servers.admin.listTopics());
  const there = topics.filter((topic) => existing.has(topic));
  const claimantOf = await claimsOn(servers, there);
  let dead = 0;
  await readDeadLetters(
    servers,
    there,
    claimantOf,
    (letter) => {
      if (matches(letter, selection)) take(letter);
      else if (!letter.live && matches(letter, { ...selection, all: true })) dead++;
    },
    selection.offsets,
  );
  return { dead };
}
