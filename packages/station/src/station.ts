/**
 * The station's loop. Start here: take a round, judge it, settle it. Round N+1 is judged while N settles; rounds settle
 * in order; a round whose ownership has passed on is void.
 */
import { performance } from 'node:perf_hooks';
import { asFault, Fault } from '@quadrille/record';
import type { Health } from './health.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import type { Line } from './line.ts';
import type { Log } from './log.ts';
import type { Probe } from './probe.ts';
import type { Round } from './round.ts';
import type { RoundTraces } from './traces/traces.ts';

export interface LoopOptions {
  intake: Intake;
  judge: Judge;
  /** Settles once, see settle.ts. */
  settle(round: Round): Promise<boolean>;
  /** Examines suspect slices apart before they are judged here. */
  probe: Pick<Probe, 'examine' | 'close'>;
  /** undefined: the line never stops (replays). */
  line: Line | undefined;
  /** Says durably that the line has stopped; the control topic then pauses this station, here and after a restart. */
  stopLine(fault: Fault): Promise<void>;
  health: Health;
  metrics: LoopMetrics;
  /** undefined: nothing is traced. */
  traces: RoundTraces | undefined;
  log: Log;
}

/** What a loop counts. */
export interface LoopMetrics {
  received(round: Round): void;
  /** A dependency was in the way of judging, or a settle was not acknowledged: it is tried again. */
  retried(round: Round, step: 'judge' | 'settle'): void;
  voided(round: Round): void;
  /** All of it waits in the intake again: there is nothing to settle. */
  givenBack(round: Round): void;
  /** A round is committed. @param now performance.now() */
  settled(round: Round, now: number): void;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/** Runs until the intake is drained. @throws only for defects: the process must end. */
export async function runLoop(options: LoopOptions): Promise<void> {
  const { intake, health, metrics } = options;
  let settling: Promise<void> = Promise.resolve();
  for (;;) {
    health.rest();
    const round = await intake.take();
    if (round === undefined) break;
    health.beat();
    metrics.received(round);
    if (!(await judged(round, options))) {
      metrics.voided(round);
      continue;
    }
    round.slices = round.slices.filter(({ records, from, to }) => records.length > 0 || to > from);
    if (round.slices.length === 0) {
      metrics.givenBack(round);
      continue;
    }
    const trip = options.line?.watch(round);
    if (trip !== undefined) cutAt(round, trip, intake);
    options.traces?.judged(round);
    await settling;
    settling = settled(round, options);
    if (trip !== undefined) {
      await settling;
      await halt(round, trip, options);
    }
  }
  await settling;
  options.probe.close();
}

/** Judges until no dependency is in the way (invariant 3). @returns false when the round has become void. */
async function judged(round: Round, { intake, judge, probe, health, metrics, log }: LoopOptions): Promise<boolean> {
  let examined = false;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    if (round.epoch !== intake.epoch) return false;
    try {
      if (!examined) await probe.examine(round);
      examined = true;
      await judge.judge(round, intake);
      round.judgedAt = performance.now();
      health.free();
      return true;
    } catch (error) {
      const fault = asFault(error, 'RULE_THREW');
      if (fault.class !== 'dependency') throw error;
      metrics.retried(round, 'judge');
      health.hold(fault);
      log.warn({ code: fault.code, waitMs: wait }, fault.message);
      await pauseFor(wait, () => round.epoch !== intake.epoch || intake.draining);
      if (intake.draining) return false;
      for (const slice of round.slices) slice.reset();
    }
  }
}

/** Settles until it is acknowledged or void (invariant 1). */
async function settled(round: Round, { intake, settle, health, metrics, traces, log }: LoopOptions): Promise<void> {
  round.settlingAt = performance.now();
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    if (round.epoch !== intake.epoch) break;
    try {
      if (!(await settle(round))) break;
      health.free();
      metrics.settled(round, performance.now());
      traces?.settled(round);
      return;
    } catch (error) {
      if (!(error instanceof Fault) || error.class !== 'dependency') throw error;
      const fault = error;
      metrics.retried(round, 'settle');
      health.hold(fault);
      log.warn({ code: fault.code, waitMs: wait }, fault.message);
      await pauseFor(wait, () => round.epoch !== intake.epoch);
    }
  }
  metrics.voided(round);
  traces?.voided(round);
  log.info({ records: round.records, epoch: round.epoch }, 'ownership changed, round is void');
}

/** Keeps the longest prefix up to the trip; what follows goes back unsent. */
function cutAt(round: Round, trip: { slice: number; index: number }, intake: Intake): void {
  if (!intake.canGiveBack) return;
  for (let s = trip.slice; s < round.slices.length; s++) {
    const slice = round.slices[s]!;
    const rest = slice.cut(s === trip.slice ? trip.index + 1 : 0);
    if (rest.length > 0) intake.giveBack(round.epoch, slice, rest, 0);
  }
  round.slices = round.slices.filter((slice) => slice.records.length > 0);
}

async function halt(round: Round, trip: { slice: number; index: number }, options: LoopOptions): Promise<void> {
  const { line, intake, stopLine, log } = options;
  const reason = round.slices[trip.slice]?.reasons.get(trip.index);
  const fault = line!.fault(reason);
  line!.reset();
  intake.pause();
  log.error({ code: fault.code }, fault.message);
  await stopLine(fault);
}

/** Waits, looking every 50 ms whether waiting has become pointless. */
async function pauseFor(ms: number, pointless: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end && !pointless()) await new Promise((resolve) => setTimeout(resolve, Math.min(50, ms)));
}
