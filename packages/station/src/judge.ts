/** The judge: gives each record of a round its verdict. The only place that catches what a record does (invariant 3). */
import type { Intake } from './intake.ts';
import type { Round } from './round.ts';

export interface Judge {
  /** Makes ready: schemas, rules, lookups, target. @throws Fault of class `dependency` (opened again later) or `config` (the station ends). */
  open(): Promise<void>;
  /**
   * Fills in verdicts and outputs of every slice. A record that must wait for something is given back to the intake,
   * with all that follow in its slice.
   * @param dryRun nothing may remain of it: a target rolls back, what would wait is rejected with the reason.
   * @throws Fault of class `dependency` only; the round is then reset and judged again.
   */
  judge(round: Round, intake: Intake, dryRun?: boolean): Promise<void>;
  /** Brings what it looks up to its present end, before replays are judged. @throws Fault of class `dependency` */
  refresh?(): Promise<void>;
  close(): Promise<void>;
}
