/** The dead letters of a flow by cause, for the summary of a run. */
import type { Flow } from '@quadrille/flow';
import { deadLetterTopics, type LedgerFold, type Reconciliation } from '@quadrille/record';
import { shapeOf } from '@quadrille/station';
import { type DeadLetterGroup, Grouping } from '../dlq/groups.ts';
import { readDeadLetters } from '../dlq/read.ts';
import type { Servers } from '../servers.ts';

/** Only those that live parts of this flow's stations claim. */
export async function deadLetterGroups(
  servers: Servers,
  flow: Flow,
  { stations }: Reconciliation,
  fold: LedgerFold,
): Promise<DeadLetterGroup[]> {
  if (Object.values(stations).every(({ rejected }) => rejected === 0)) return [];
  const topics = new Set(
    shapeOf(flow)
      .stations.filter(({ name }) => (stations[name]?.rejected ?? 0) > 0)
      .flatMap(deadLetterTopics),
  );
  const grouping = new Grouping();
  await readDeadLetters(servers, [...topics], fold.claimantOf, (letter) => {
    if (letter.live && letter.group.startsWith(`${flow.name}.`)) grouping.add(letter);
  });
  return grouping.groups;
}
