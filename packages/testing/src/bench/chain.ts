/** One run of the three chained stations, the floor's or ours, over a full input topic. */
import { fileURLToPath } from 'node:url';
import { readFlow } from '@quadrille/flow';
import { type KafkaAdmin, provision, type Registry, type StationStatus } from '@quadrille/station';
import type { Client } from 'pg';
import { copyFlow } from './flow-copy.ts';
import { type Measured, machineBusy, Process } from './process.ts';

export type Variant = 'floor' | 'bare' | 'full';

export interface Run {
  variant: Variant;
  seconds: number;
  rate: number;
  processes: Measured[];
  /** CPU seconds that the whole machine was busy meanwhile: the three processes, Kafka, PostgreSQL, and whatever else ran. */
  machine: number;
}

export interface Ground {
  root: string;
  folder: string;
  admin: KafkaAdmin;
  registry: Registry;
  database: Client;
  /** Records into the transformer, the enricher and the loader; rows loaded. */
  counts: { transform: number; enrich: number; load: number };
  /** Records a round; undefined: the default. */
  round: number | undefined;
}

const STATIONS = [
  ['qualify', 'transformer', 'transform'],
  ['locate', 'enricher', 'enrich'],
  ['warehouse', 'loader', 'load'],
] as const;

export async function runChain(variant: Variant, name: string, ground: Ground): Promise<Run> {
  const flow = await copyFlow(ground.root, `${ground.folder}/${name}`, name, ground.round);
  await provision(await readFlow(flow), ground.admin, ground.registry);
  const processes = STATIONS.map(([station, kind, step]) =>
    variant === 'floor'
      ? new Process(station, file(`./floor-${step}.ts`), floorEnv(flow, name, step, ground), 192)
      : new Process(station, `${ground.root}/services/${kind}/main.ts`, ourEnv(flow, station, variant), 192),
  );
  try {
    if (variant !== 'floor') for (const each of processes) await each.until((m) => status(m)?.state === 'running', 60);
    for (const each of processes) each.ready();
    const busyBefore = machineBusy();
    const [first, , last] = processes as [Process, Process, Process];
    const rows = ground.counts.load;
    const ended = processes.find(({ child }) => child.exitCode !== null);
    if (ended !== undefined) throw new Error(`${ended.name} has ended`);
    for (const each of processes) each.child.once('exit', (code) => code !== 0 && last.child.kill());
    await last.until((m) => (variant === 'floor' ? m.finished === true : (status(m)?.totals.passed ?? 0) >= rows), 400);
    const machine = machineBusy() - busyBefore;
    const start = variant === 'floor' ? Number(first.message.firstAt) : status(first.message)!.totals.firstAt;
    const end = variant === 'floor' ? Number(last.message.lastAt) : status(last.message)!.totals.lastAt;
    const seconds = (end - start) / 1000;
    const found = await ground.database.query(`select count(*)::integer as n from ${name}`);
    if (found.rows[0].n !== rows) throw new Error(`${name} holds ${found.rows[0].n} rows instead of ${rows}`);
    const measured = processes.map((each) => each.measure());
    return { variant, seconds, rate: ground.counts.transform / seconds, processes: measured, machine };
  } finally {
    for (const each of processes) await each.stop();
    await ground.database.query(`drop table if exists ${name}`);
  }
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const status = (message: Record<string, unknown>): StationStatus | undefined =>
  message.status as StationStatus | undefined;

const floorEnv = (
  flow: string,
  name: string,
  step: 'transform' | 'enrich' | 'load',
  { counts }: Ground,
): Record<string, string> => ({
  BENCH: JSON.stringify({ flow, group: `${name}.${step}`, expect: String(counts[step]), table: name }),
});

const ourEnv = (flow: string, station: string, variant: Variant): Record<string, string> => ({
  QUADRILLE_FLOW: flow,
  QUADRILLE_STATION: station,
  QUADRILLE_LOG: 'error',
  ...(variant === 'bare' ? { QUADRILLE_LEDGER: 'off', QUADRILLE_METRICS: 'off' } : {}),
});
