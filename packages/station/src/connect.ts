/** Connects a station: clients, control topic, judge, intake, health endpoint. Waits for what is not there yet. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { type Fault, type PlacedPart, positionsTopic, replayGroup, replayTopic, stationGroup } from '@quadrille/record';
import {
  assembleJudge,
  assembleReplayJudge,
  needOwnSchemas,
  needTopics,
  type Surroundings,
  topicsOf,
} from './assemble.ts';
import { extractorIntake } from './assemble-extract.ts';
import { Chains } from './chains.ts';
import type { StationConfig } from './config.ts';
import { Control, controlEvent, tell } from './control.ts';
import { Enrich } from './enrich.ts';
import { Health } from './health.ts';
import { type StationStatus, serve } from './http.ts';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import { connectKafka, KafkaAdmin, Outlet } from './kafka/index.ts';
import { LagWatch } from './lag.ts';
import { Line } from './line.ts';
import { type Log, placeFields } from './log.ts';
import { lookupMetrics } from './lookup-metrics.ts';
import { StationMetrics } from './metrics.ts';
import { readParts } from './picture.ts';
import { Probe } from './probe.ts';
import { Registry } from './registry.ts';
import { connectReplays, type ReplayOptions, type Replays } from './replays.ts';
import type { SettleOptions } from './settle.ts';
import { settleOptionsOf } from './settle-options.ts';
import { ShardIntake } from './shard-intake.ts';
import { SourceMetrics } from './source-metrics.ts';
import type { LoopOptions } from './station.ts';
import { TopicIntake } from './topic-intake.ts';
import type { Traces } from './traces/traces.ts';
import { inTurns, Turns } from './turns.ts';
import { untilReady } from './until-ready.ts';
import { VERSION } from './version.ts';

export interface Station extends Omit<LoopOptions, 'settle'> {
  flow: Flow;
  spec: StationSpec;
  group: string;
  control: Control;
  chains: Chains;
  settleOptions: SettleOptions;
  /** The second loop. */
  replays: Replays;
  /** Calls back at each control event. */
  onControl(apply: () => void): void;
  close(): Promise<void>;
}

/** @returns undefined when stopped before everything was there. @throws Fault of class `config` */
export async function connect(
  flow: Flow,
  spec: StationSpec,
  config: StationConfig,
  log: Log,
  onDead: (fault: Fault) => void,
  stopped: Promise<string>,
  traces?: Traces,
): Promise<Station | undefined> {
  const group = stationGroup(flow.name, spec.name);
  const health = new Health();
  const kafka = connectKafka(
    {
      brokers: config.brokers,
      access: config.kafkaAccess,
      clientId: `${group}@${config.instance}`,
      reader: group,
      sessionTimeoutMs: config.sessionTimeoutMs,
    },
    log,
  );
  const admin = new KafkaAdmin(kafka);
  const outlet = new Outlet(kafka);
  const registry = new Registry(config.registryUrl, config.registryAccess);
  let controlChanged: () => void = () => {};
  const { sessionTimeoutMs } = config;
  const changed = (): void => controlChanged();
  const control = new Control(kafka, { flow: flow.name, station: spec.name, sessionTimeoutMs, log, changed, onDead });
  let intake: Intake | undefined;
  const lags = new LagWatch(admin);
  const metrics = new StationMetrics(
    { flow: flow.name, station: spec.name },
    { version: VERSION, kind: spec.kind },
    {
      state: () => health.state,
      lag: () => lags.look(),
      oldest: () => (spec.kind === 'extractor' ? undefined : lags.oldest(spec.from)),
    },
  );
  const status = (): StationStatus => ({
    flow: flow.name,
    station: spec.name,
    kind: spec.kind,
    instance: config.instance,
    state: health.state,
    since: new Date(health.since).toISOString(),
    ...(health.reason === undefined
      ? {}
      : { reason: { code: health.reason.code, message: health.reason.message, help: health.reason.help } }),
    totals: metrics.totals,
    ...(intake instanceof ShardIntake ? { exhausted: intake.exhausted } : {}),
  });
  const http = await serve(config.http, health, config.metrics ? metrics : undefined, status);
  // With a callback, a parent that is gone is no error of ours.
  const tellParent = (): void => {
    if (process.connected) process.send?.({ type: 'status', status: status() }, undefined, undefined, () => {});
  };
  const telling = process.send === undefined ? undefined : setInterval(tellParent, 500);

  const partitions = await untilReady(
    async () => {
      await needOwnSchemas(registry);
      const found = await needTopics(admin, outlet, topicsOf(flow, spec));
      return found;
    },
    log,
    stopped,
  );
  if (
    partitions === undefined ||
    (await untilReady(() => control.start(admin).then(() => true), log, stopped)) === undefined
  )
    return stoppedEarly();
  const turns = new Turns();
  const chains = new Chains({ admin, group, start: spec.start, readParts: partsOn });
  const around: Surroundings = { config, flow, spec, kafka, admin, outlet, registry, control, log, partitions, onDead };
  const stuck = (fault: Fault): void => {
    health.stuck(fault);
    log.error({ code: fault.code, ...placeFields(fault.place) }, fault.message);
  };
  intake = await makeIntake();
  if (intake === undefined) return stoppedEarly();
  if (spec.kind !== 'extractor') lags.add(spec.from, intake);
  const judge = await untilReady(
    async () => {
      const made = await assembleJudge(around, intake instanceof ShardIntake ? intake : undefined);
      await made.open();
      return made;
    },
    log,
    stopped,
  );
  if (judge === undefined) return stoppedEarly();
  if (judge instanceof Enrich) lookupMetrics(metrics.registry, () => judge.asked);
  await untilReady(() => intake!.start(), log, stopped);
  const replays = await untilReady(() => replayOptions(judge).then(connectReplays), log, stopped);
  if (replays === undefined) return stoppedEarly();
  lags.add(replayTopic(flow.name, spec.name), replays.intake);
  health.running();
  return {
    flow,
    spec,
    group,
    control,
    chains,
    intake,
    judge: inTurns(judge, turns),
    health,
    metrics,
    traces: traces?.rounds({
      topic: spec.kind === 'extractor' ? spec.to : spec.from,
      group: spec.kind === 'extractor' ? undefined : group,
      fits: (topic, output) => outlet.fits(topic, output),
    }),
    log,
    probe: newProbe(),
    line: spec.stopTheLine === undefined ? undefined : new Line(spec.stopTheLine),
    stopLine: async (fault) => {
      health.pause(fault);
      const event = controlEvent({
        kind: 'pause',
        flow: flow.name,
        station: spec.name,
        by: config.instance,
        code: fault.code,
        reason: fault.message,
      });
      await untilReady(() => tell(outlet, event), log, stopped);
    },
    settleOptions: {
      ...settleOptionsOf(around, intake, outlet),
      positionsTopic: spec.kind === 'extractor' ? positionsTopic(flow.name, spec.name) : undefined,
    },
    replays,
    onControl: (apply) => {
      controlChanged = apply;
    },
    close: async () => {
      clearInterval(telling);
      tellParent();
      await Promise.allSettled([intake?.stop(), replays.close(), control.stop(), judge.close()]);
      await Promise.allSettled([outlet.close(), admin.close(), http.server.close()]);
    },
  };

  async function stoppedEarly(): Promise<undefined> {
    clearInterval(telling);
    await http.server.close();
    return undefined;
  }

  function newProbe(): Probe {
    return new Probe({ env: config.env, log, recordMs: Math.max(10_000, 2 * spec.timeoutMs), startMs: 60_000 });
  }

  async function replayOptions(own: Judge): Promise<ReplayOptions> {
    return {
      flow,
      spec,
      kafka,
      sessionTimeoutMs: config.sessionTimeoutMs,
      chains: new Chains({ admin, group: replayGroup(flow.name, spec.name), start: 'earliest', readParts: partsOn }),
      judge: await assembleReplayJudge(around, own),
      turns,
      partitions: partitions!,
      settleWith: (replayed, producer) => settleOptionsOf(around, replayed, producer),
      outlet,
      probe: spec.kind === 'extractor' ? { examine: async () => {}, close: () => {} } : newProbe(),
      metrics,
      traces,
      log,
      onDead,
    };
  }

  async function partsOn(topic: string): Promise<PlacedPart[]> {
    return (await readParts(kafka, admin, flow.name, spec.name)).filter(({ part }) => part.topic === topic);
  }

  async function makeIntake(): Promise<Intake | undefined> {
    const base = {
      group,
      sessionTimeoutMs: config.sessionTimeoutMs,
      chains,
      log,
      onRebalance: () => {
        metrics.rebalanced();
        // What is stuck among the partitions it gets will say so.
        health.unstuck();
      },
      onStuck: stuck,
      onDead,
    };
    if (spec.kind !== 'extractor')
      return new TopicIntake(kafka, { ...base, topic: spec.from, start: spec.start, limits: spec.round });
    const sources = new SourceMetrics(metrics.registry);
    return extractorIntake(around, spec, { ...base, health, metrics: sources, stopped });
  }
}
