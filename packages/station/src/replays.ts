/**
 * The station's second loop: records that were sent to this station again, through its replay topic. A consumer group and
 * a producer of its own, so that neither loop waits for the other's partitions; one judge for both, in turns. It is
 * not stopped by the line, nor by a pause: an operator asked for it (invariant 5).
 */
import type { Flow, StationSpec } from '@quadrille/flow';
import { type Fault, PREVIEW_TOPIC, replayGroup, replayTopic } from '@quadrille/record';
import type { Chains } from './chains.ts';
import { Health } from './health.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import { Outlet } from './kafka/index.ts';
import type { Kafka } from './kafka/types.ts';
import { type Log, placeFields } from './log.ts';
import type { StationMetrics } from './metrics.ts';
import type { Probe } from './probe.ts';
import { ReplayJudge } from './replay-judge.ts';
import { type SettleOptions, settle } from './settle.ts';
import type { LoopOptions } from './station.ts';
import { TopicIntake } from './topic-intake.ts';
import type { Traces } from './traces/traces.ts';
import type { Turns } from './turns.ts';

export interface ReplayOptions {
  flow: Flow;
  spec: StationSpec;
  kafka: Kafka;
  sessionTimeoutMs: number;
  /** Of the replay group. */
  chains: Chains;
  /** What judges: the station's own judge, or an extractor's for replays. */
  judge: Judge;
  turns: Turns;
  partitions: ReadonlyMap<string, number>;
  /** How a round is written down, given its own intake and producer. */
  settleWith(intake: Intake, outlet: Outlet): SettleOptions;
  /** The first loop's producer. */
  outlet: Outlet;
  probe: Pick<Probe, 'examine' | 'close'>;
  metrics: StationMetrics;
  traces: Traces | undefined;
  log: Log;
  onDead(fault: Fault): void;
}

export interface Replays extends LoopOptions {
  close(): Promise<void>;
}

/** Joins the replay group. @throws when Kafka does not answer. */
export async function connectReplays(options: ReplayOptions): Promise<Replays> {
  const { flow, spec, kafka, chains, partitions, judge, turns, log, onDead } = options;
  const topic = replayTopic(flow.name, spec.name);
  const outlet = new Outlet(kafka, options.outlet);
  const intake = new TopicIntake(kafka, {
    group: replayGroup(flow.name, spec.name),
    topic,
    start: 'earliest',
    sessionTimeoutMs: options.sessionTimeoutMs,
    limits: spec.round,
    waitMs: 1_000,
    chains,
    log,
    onRebalance: () => {},
    onStuck: (fault) => log.error({ code: fault.code, ...placeFields(fault.place) }, fault.message),
    onDead,
  });
  const settleOptions = options.settleWith(intake, outlet);
  try {
    await intake.start();
  } catch (error) {
    await intake.stop().catch(() => {});
    throw error;
  }
  const health = new Health();
  health.running();
  return {
    intake,
    judge: new ReplayJudge({
      flow: flow.name,
      station: spec.name,
      judge,
      turns,
      previewPartitions: partitions.get(PREVIEW_TOPIC)!,
      refresh: async () => judge.refresh?.(),
    }),
    settle: (round) => settle(round, settleOptions),
    probe: options.probe,
    line: undefined,
    stopLine: async () => {},
    health,
    metrics: options.metrics.replays,
    traces: options.traces?.rounds({
      topic,
      group: replayGroup(flow.name, spec.name),
      fits: (to, output) => outlet.fits(to, output),
    }),
    log: log.child({ loop: 'replay' }),
    close: async () => {
      await Promise.allSettled([intake.stop()]);
      await outlet.close();
    },
  };
}
