/** The parts of the service on one ground: what the routes call, what the leader does. */
import { Fault } from '@quadrille/record';
import { VERSION } from '@quadrille/station';
import { awayOf, enduring } from './away.ts';
import type { ReplayConfig } from './config.ts';
import { lead } from './db/leader.ts';
import { follow } from './follow/index.ts';
import type { Backend } from './http/backend.ts';
import type { LiveFigures } from './metrics.ts';
import type { Duty, Ground } from './model.ts';
import { openByStation } from './open-letters.ts';

export interface Bound {
  backend: Backend;
  leading(): boolean;
  /** What stood in the topics when last looked at has been taken in. */
  caughtUp(): boolean;
  open: LiveFigures['open'];
  /** Resolves after the signal, when the duties have ended. Rejects when one has failed for good. */
  ended: Promise<void>;
}

/** Begins to contend for leadership. @param signal ends it. */
export function bind(ground: Ground, config: ReplayConfig, signal: AbortSignal): Bound {
  const { database, flows, instance, log } = ground;
  const following = follow(ground, { onLive: [], applies: {}, recover: async () => {} });
  const duties: Record<string, Duty> = { follow: following.duty };
  const leader = lead(
    config.databaseUrl,
    config.schema,
    Object.entries(duties).map(([name, duty]) => enduring(name, duty, log)),
    signal,
    log,
  );
  const backend: Backend = {
    status: async () => ({
      version: VERSION,
      instance,
      leading: leader.leading(),
      caughtUp: following.caughtUp(),
      behind: following.behind(),
      flows: [...flows.values()].map(({ name, stations }) => ({
        name,
        stations: [...stations.values()].map((spec) => ({
          name: spec.name,
          kind: spec.kind,
          from: spec.kind === 'extractor' ? null : spec.from,
          to: spec.kind === 'loader' ? null : spec.to,
        })),
      })),
    }),
    unready: () =>
      database.query('select 1').then(
        () => undefined,
        (error) => awayOf(error) ?? new Fault('DATABASE_UNAVAILABLE', ''),
      ),
  } as Backend;
  return {
    backend,
    leading: leader.leading,
    caughtUp: following.caughtUp,
    open: () => openByStation(database),
    ended: leader.ended,
  };
}
