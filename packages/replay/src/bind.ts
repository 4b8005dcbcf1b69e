/** The parts of the service on one ground: what the routes call, what the leader does. */
import { outputTopicsOf } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { VERSION } from '@quadrille/station';
import { auditApplies, auditOf, note } from './audit.ts';
import { awayOf, enduring } from './away.ts';
import type { ReplayConfig } from './config.ts';
import { lead } from './db/leader.ts';
import { decisionsOf } from './decisions/index.ts';
import { untilKnown } from './decisions/known.ts';
import { follow } from './follow/index.ts';
import type { Backend } from './http/backend.ts';
import { jobApplies } from './jobs/apply.ts';
import { followUp } from './jobs/follow-up.ts';
import { items, replayOf, replays } from './jobs/query.ts';
import { cancel, requestReplay } from './jobs/request.ts';
import { recover, runReplays } from './jobs/run.ts';
import { replayVerdicts } from './jobs/verdicts.ts';
import { leaderWord, tellWord } from './leader-word.ts';
import {
  correct,
  deadLetter,
  deadLetters,
  deadLettersWithValues,
  groups,
  letterApplies,
  retention,
  setAside,
} from './letters/index.ts';
import { followDownstream, reconcile, trace } from './lineage/index.ts';
import type { LiveFigures } from './metrics.ts';
import type { Duty, Ground } from './model.ts';
import { lettersByCode, openByStation, openReplays } from './open-letters.ts';

export interface Bound {
  backend: Backend;
  leading(): boolean;
  /** What stood in the topics when last looked at has been taken in. */
  caughtUp(): boolean;
  figures: Omit<LiveFigures, 'leading'>;
  /** Resolves after the signal, when the duties have ended. Rejects when one has failed for good. */
  ended: Promise<void>;
}

/** Begins to contend for leadership. @param signal ends it. */
export function bind(ground: Ground, config: ReplayConfig, signal: AbortSignal): Bound {
  const { database, flows, instance, log, outlet } = ground;
  const applies = { ...letterApplies, ...jobApplies, ...auditApplies };
  const decisions = decisionsOf(outlet, applies);
  const following = follow(ground, { onLive: [replayVerdicts], applies, recover: recover(ground) });
  const ownWord = () => ({ caughtUp: following.caughtUp(), behind: following.behind() });
  const duties: Record<string, Duty> = {
    follow: following.duty,
    replay: runReplays(ground, decisions, following.caughtUp),
    downstream: followDownstream(ground),
    followUp: followUp(ground, decisions, following.caughtUp),
    retention: retention(ground, config.retainDays),
    tell: tellWord(ground, ownWord),
  };
  const leader = lead(
    config.databaseUrl,
    config.schema,
    Object.entries(duties).map(([name, duty]) => enduring(name, duty, log)),
    signal,
    log,
  );
  const deciding = async <T>(decides: boolean, work: () => Promise<T>): Promise<T> => {
    if (decides) await untilKnown(ground, database);
    return work();
  };
  const backend: Backend = {
    status: async () => ({
      version: VERSION,
      instance,
      leading: leader.leading(),
      ...((leader.leading() ? ownWord() : await leaderWord(database)) ?? { caughtUp: false, behind: 0 }),
      flows: [...flows.values()].map(({ name, stations }) => ({
        name,
        stations: [...stations.values()].map((spec) => ({
          name: spec.name,
          kind: spec.kind,
          from: spec.kind === 'extractor' ? null : spec.from,
          to: [...outputTopicsOf(spec)],
        })),
      })),
    }),
    unready: () =>
      database.query('select 1').then(
        () => undefined,
        (error) => awayOf(error) ?? new Fault('DATABASE_UNAVAILABLE', ''),
      ),
    groups: (selection) => groups(ground, selection),
    deadLetters: (selection, page) => deadLetters(ground, selection, page),
    deadLettersWithValues: (selection, page) => deadLettersWithValues(ground, selection, page),
    deadLetter: (id) => deadLetter(ground, id),
    correct: (caller, request) => deciding(request.execute === true, () => correct(ground, decisions, caller, request)),
    discard: (caller, request) =>
      deciding(request.execute === true, () => setAside(ground, decisions, caller, 'discard', request)),
    restore: (caller, request) =>
      deciding(request.execute === true, () => setAside(ground, decisions, caller, 'restore', request)),
    replay: (caller, request) => requestReplay(ground, decisions, caller, request),
    cancel: (caller, id, reason) => deciding(true, () => cancel(ground, decisions, caller, id, reason)),
    replays: (query) => replays(ground, query),
    replayOf: (id) => replayOf(ground, id),
    items: (id, query) => items(ground, id, query),
    reconcile: (query) => reconcile(ground, query),
    trace: (flow, record) => trace(ground, flow, record),
    audit: (query) => auditOf(ground, query),
    note: (entry) => note(ground, decisions, entry),
  };
  return {
    backend,
    leading: leader.leading,
    caughtUp: following.caughtUp,
    figures: {
      open: () => openByStation(database),
      letters: () => lettersByCode(database),
      replays: () => openReplays(database),
      behind: () => (leader.leading() ? following.behind() : undefined),
    },
    ended: leader.ended,
  };
}
