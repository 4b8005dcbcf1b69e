/** One run of a flow on servers of its own, disturbed or not, until nothing is left to do. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeState, type Stack, startStack } from '@quadrille/devstack';
import { type Flow, readFlow } from '@quadrille/flow';
import { connectKafka, createLog, KafkaAdmin, provision, Registry } from '@quadrille/station';
import { type Blow, Disturber } from './disturb.ts';
import { Fleet, type UnaskedEnd } from './fleet.ts';
import { behind, type Progress, readProgress } from './progress.ts';
import { type RunResult, readResult } from './result.ts';
import type { Disturbance } from './schedule.ts';

export interface RunOptions {
  /** Everything of this run goes here: servers' state, logs of the stations. */
  dir: string;
  flowFolder: string;
  brokers: 1 | 3;
  sessionTimeoutMs: number;
  commitFirst: boolean;
  schedule: readonly Disturbance[];
  /** Records of each station in an undisturbed run; needed when there is a schedule. */
  expected: ReadonlyMap<string, number>;
  /** A run that gets no further for so long has failed. */
  patienceMs: number;
  tell(line: string): void;
}

export interface Run {
  /** undefined: it never came to its end. */
  result: RunResult | undefined;
  seconds: number;
  blows: Blow[];
  unasked: UnaskedEnd[];
  /** Instances that did not end in order when asked to. */
  hung: string[];
  /** Why it did not come to its end. */
  stuck: string | undefined;
}

const POLL_MS = 100;
const FIRST_BOUNDS = 0;

/** @throws when servers do not start or a disturbance could not be done. */
export async function runFlow(options: RunOptions): Promise<Run> {
  const { dir, brokers } = options;
  mkdirSync(dir, { recursive: true });
  const kind = process.env.QUADRILLE_STACK === 'docker' ? 'docker' : 'local';
  const stack = await startStack({ dir: join(dir, 'servers'), brokers, kind, onProgress: () => {} });
  const log = createLog({ station: 'chaos' }, 'silent');
  const kafka = connectKafka({ brokers: stack.brokers, clientId: 'chaos', sessionTimeoutMs: 10_000 }, log);
  const admin = new KafkaAdmin(kafka);
  try {
    const flow = await readFlow(options.flowFolder);
    await provision(flow, admin, new Registry(stack.registryUrl));
    const fleet = new Fleet({ flow, addresses: stack, logs: dir, ...options });
    const watched = await watch(stack, admin, flow, fleet, options);
    const hung = await fleet.stop();
    const result = watched.stuck === undefined ? await readResult(kafka, admin, flow, stack.databaseUrl) : undefined;
    return { ...watched, result, hung, unasked: fleet.unasked };
  } finally {
    await admin.close().catch(() => {});
    await stack.stop();
  }
}

export const removeServers = (dir: string): Promise<void> => removeState(join(dir, 'servers'));

/** Starts the stations and lets the schedule loose on them. */
async function watch(
  stack: Stack,
  admin: KafkaAdmin,
  flow: Flow,
  fleet: Fleet,
  options: RunOptions,
): Promise<Pick<Run, 'blows' | 'seconds' | 'stuck'>> {
  const started = performance.now();
  const clock = (): number => Math.round(performance.now() - started) / 1000;
  const { expected, patienceMs } = options;
  const tell = (line: string): void => options.tell(`${clock().toFixed(1).padStart(6)} s  ${line}`);
  let progress: Progress = new Map();
  const progressOf = (station: string): number => (progress.get(station) ?? 0) / (expected.get(station) ?? Infinity);
  const disturber = new Disturber({ stack, fleet, progressOf, clock, tell });
  const waiting = [...options.schedule];
  const stations = [...flow.stations.keys()];
  for (const station of stations) fleet.start(station);

  let movedAt = performance.now();
  let sum = FIRST_BOUNDS;
  for (;;) {
    await sleep(POLL_MS);
    progress = await readProgress(admin, flow, stations).catch(() => progress);
    for (const disturbance of [...waiting]) {
      if (progressOf(disturbance.station) < disturbance.at) continue;
      waiting.splice(waiting.indexOf(disturbance), 1);
      disturber.start(disturbance);
    }
    const now = [...progress.values()].reduce((a, b) => a + b, 0);
    if (now !== sum || disturber.busy) movedAt = performance.now();
    sum = now;
    if (waiting.length === 0 && !disturber.busy && (await atEnd(admin, flow, fleet))) break;
    if (performance.now() - movedAt > patienceMs) {
      await disturber.finished();
      return { blows: disturber.blows, seconds: clock(), stuck: await standstill(admin, flow, fleet, waiting) };
    }
  }
  await disturber.finished();
  return { blows: disturber.blows, seconds: clock(), stuck: undefined };
}

/** Every source is read and every station stands at the end of its input. */
async function atEnd(admin: KafkaAdmin, flow: Flow, fleet: Fleet): Promise<boolean> {
  for (const { name, kind } of flow.stations.values()) {
    if (kind === 'extractor' && !fleet.of(name).every(({ status }) => status?.exhausted === true)) return false;
  }
  return behind(admin, flow).then(
    (late) => late.length === 0,
    () => false,
  );
}

async function standstill(
  admin: KafkaAdmin,
  flow: Flow,
  fleet: Fleet,
  waiting: readonly Disturbance[],
): Promise<string> {
  const late = await behind(admin, flow).catch((error) => [`Kafka does not answer: ${error}`]);
  const states = fleet
    .all()
    .map(
      ({ name, status }) =>
        `${name} ${status?.state ?? 'gone'}${status?.reason === undefined ? '' : ` (${status.reason.code}: ${status.reason.message})`}`,
    );
  const left = waiting.length === 0 ? [] : [`${waiting.length} disturbances never fell due`];
  return [...left, ...late, ...states].join('; ');
}
