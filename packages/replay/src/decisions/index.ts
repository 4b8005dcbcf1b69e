/**
 * Decisions: written to Kafka first, then applied to the database, within the transaction that has locked what they are
 * about. What a crash leaves between the two is applied by the leader, who follows the topic; what was applied is
 * noted, so that nothing is applied out of order.
 */
import { DECISIONS_TOPIC } from '@quadrille/record';
import { type Decision, decisionCodec, type Outlet } from '@quadrille/station';
import type { Tx } from '../db/database.ts';
import type { Apply, Decisions } from '../model.ts';

/** What applies each kind. */
export type Applies = Readonly<Record<string, Apply>>;

/** Discard and restore share a key: only the last of them holds. */
const keyOf = ({ kind, id }: Decision): string =>
  kind === 'discard' || kind === 'restore' ? `aside/${id}` : `${kind}/${id}`;

export function decisionsOf(outlet: Outlet, applies: Applies): Decisions {
  return {
    async decide(tx, decisions) {
      if (decisions.length === 0) return;
      await lockDecisions(tx);
      const messages = decisions.map((decision) => ({
        key: Buffer.from(keyOf(decision)),
        value: decisionCodec.encode(decision),
        headers: {},
        partition: 0,
        timestamp: String(decision.at),
      }));
      const placement = await outlet.send(new Map([[DECISIONS_TOPIC, new Map([[0, messages]])]]));
      for (const { index, count, offset } of placement.get(DECISIONS_TOPIC)!.get(0)!)
        for (let i = 0; i < count; i++) await applyAt(tx, offset + i, decisions[index + i]!, applies);
    },
  };
}

/**
 * Whoever decides and whoever follows the topic take turns: the follower would meet decisions of a transaction that is not
 * committed yet, and each would wait for the other.
 */
export const lockDecisions = (tx: Tx): Promise<unknown> =>
  tx.query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' decisions', 4))");

/** Applies a decision unless that was done; one of a kind that nobody knows is left alone. @returns whether the kind is known. */
export async function applyAt(tx: Tx, offset: number, decision: Decision, applies: Applies): Promise<boolean> {
  const [fresh] = await tx.query('INSERT INTO applied_decision VALUES ($1) ON CONFLICT DO NOTHING RETURNING at', [
    offset,
  ]);
  const apply = applies[decision.kind];
  if (fresh !== undefined) await apply?.(tx, decision);
  return apply !== undefined;
}
