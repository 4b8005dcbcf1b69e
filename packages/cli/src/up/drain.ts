/** Waits until a run over finite sources has come to its end. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Flow } from '@quadrille/flow';
import type { KafkaAdmin } from '@quadrille/station';
import { type Fleet, isBlocked } from './fleet.ts';
import { inOrder, lagOf } from './positions.ts';

export type DrainEnd = 'drained' | 'blocked' | 'cancelled';

const LOOK_MS = 500;
/** With a station that cannot go on, and nothing done by any other for this long, more waiting brings nothing. */
const QUIET_MS = 15_000;

/**
 * `drained`: what is around the flow has nothing more, every station is up (one that cannot run shows it only then), every extractor says it is exhausted, and
 * twice in a row every group stands at the end of its input.
 * `blocked`: a station is paused, stuck or failed, and the others have nothing left to do.
 */
export async function untilDrained(
  admin: KafkaAdmin,
  flow: () => Flow,
  fleet: Fleet,
  cancel: AbortSignal,
): Promise<DrainEnd> {
  let seen = 0;
  let activity = -1;
  let movedAt = Date.now();
  while (!cancel.aborted) {
    if (fleet.activity !== activity) {
      activity = fleet.activity;
      movedAt = Date.now();
    }
    const world = fleet.outside?.failed;
    if (world !== undefined) throw world;
    const halted = new Set(
      fleet.processes.filter((each) => each.failed !== undefined || isBlocked(each)).map(({ spec }) => spec.name),
    );
    const done = fleet.isUp && fleet.exhausted && (await allAtEnd(admin, flow(), fleet, halted));
    seen = done ? seen + 1 : 0;
    if (seen === 2) return halted.size === 0 ? 'drained' : 'blocked';
    if (halted.size > 0 && Date.now() - movedAt > QUIET_MS) return 'blocked';
    await wait(LOOK_MS, undefined, { signal: cancel }).catch(() => {});
  }
  return 'cancelled';
}

/** A broker that is away for a while is no end: not now, ask again. */
async function allAtEnd(admin: KafkaAdmin, flow: Flow, fleet: Fleet, halted: ReadonlySet<string>): Promise<boolean> {
  const running = new Set(fleet.processes.map(({ spec }) => spec.name));
  try {
    for (const spec of inOrder(flow)) {
      if (!running.has(spec.name) || halted.has(spec.name)) continue;
      if ((await lagOf(admin, flow, spec)) > 0) return false;
    }
    return true;
  } catch {
    return false;
  }
}
