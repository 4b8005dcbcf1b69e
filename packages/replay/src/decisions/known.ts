/** Before something is decided: whether the database knows what was decided before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DECISIONS_TOPIC, Fault } from '@quadrille/record';
import type { Queries } from '../db/database.ts';
import type { Ground } from '../model.ts';

const LOOK_MS = 20;
const PATIENCE_MS = 15_000;

/**
 * Resolves once the leader has taken in every decision that stands in Kafka now. Without it a number or a key would be given
 * a second time: while the database is made anew, and after a transaction that failed when its decisions had been sent.
 * @throws Fault DATABASE_UNAVAILABLE when that takes too long, as long as no instance leads for one; of class `dependency`.
 */
export async function untilKnown(
  { admin }: Pick<Ground, 'admin'>,
  queries: Queries,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const [bounds] = await admin.bounds(DECISIONS_TOPIC);
  if (bounds === undefined || bounds.high === bounds.low) return;
  for (const end = Date.now() + patienceMs; ; ) {
    const [followed] = await queries.query<{ next: number }>(
      'SELECT next FROM followed WHERE topic = $1 AND partition = 0',
      [DECISIONS_TOPIC],
    );
    if ((followed?.next ?? 0) >= bounds.high) return;
    if (Date.now() >= end)
      throw new Fault('DATABASE_UNAVAILABLE', 'it does not hold yet what was decided before', {
        help: 'see `caughtUp` and `behind` of /v1/status, and whether an instance leads; then ask again',
      });
    await sleep(LOOK_MS);
  }
}
