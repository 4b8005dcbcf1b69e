/**
 * `node packages/testing/src/bench/scale.ts [--runs 1x4,2x4,4x4,4x1] [--cpus 0.2] [--json FILE]`: one station (the
 * transformer `qualify` over the whole year) by number of instances and partitions. With `--cpus` each instance has that
 * share of a processor and no more, so that what is seen is how they share the work and not how few processors there are.
 */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startStack } from '@quadrille/devstack';
import { readFlow } from '@quadrille/flow';
import { stationGroup } from '@quadrille/record';
import { connectKafka, createLog, KafkaAdmin, provision, Registry, type StationStatus } from '@quadrille/station';
import { bound } from './bounded.ts';
import { copyFlow } from './flow-copy.ts';
import { Process } from './process.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1x4,2x4,4x4,4x1' },
    cpus: { type: 'string' },
    json: { type: 'string' },
  },
});
const cpus = values.cpus === undefined ? undefined : Number(values.cpus);
const root = resolve(import.meta.dirname, '../../../..');
const folder = await mkdtemp(join(tmpdir(), 'quadrille-scale-'));
const RECORDS = 336_776;
/** Where measuring ends: beyond it some partitions are empty before others. */
const UNTIL = 0.9 * RECORDS;
const HEAP_MB = 192;

interface Result {
  instances: number;
  partitions: number;
  /** Records/s of all instances together, once all of them work. */
  rate: number;
  /** CPU µs a record, of all of them. */
  micros: number;
  /** Largest resident size of one, MB. */
  rss: number;
}

const stack = await startStack({ dir: join(folder, 'stack'), onProgress: say });
Object.assign(process.env, {
  KAFKA_BROKERS: stack.brokers.join(','),
  SCHEMA_REGISTRY_URL: stack.registryUrl,
  DATABASE_URL: stack.databaseUrl,
});
const kafka = connectKafka(
  { brokers: stack.brokers, clientId: 'scale', sessionTimeoutMs: 30_000 },
  createLog({}, 'error'),
);
const admin = new KafkaAdmin(kafka);
try {
  const results: Result[] = [];
  for (const [at, run] of values.runs.split(',').entries()) {
    const [instances, partitions] = run.split('x').map(Number) as [number, number];
    results.push(await measure(`scale${at}x${Date.now() % 100_000}`, instances, partitions));
    say(JSON.stringify(results.at(-1)));
  }
  process.stdout.write(tableOf(results));
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ cpus, results }, null, 2));
} finally {
  await admin.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure(name: string, instances: number, partitions: number): Promise<Result> {
  const path = await ownFlow(name, partitions);
  const flow = await readFlow(path);
  await provision(flow, admin, new Registry(stack.registryUrl));
  await extract(path);
  const running: Process[] = [];
  const unbind: (() => void)[] = [];
  const received = (each: Process): number => (each.message.status as StationStatus | undefined)?.totals.received ?? 0;
  try {
    for (let i = 0; i < instances; i++) running.push(station(path, 'qualify', 'transformer'));
    // Side by side, and each held back as soon as it works: the first leave enough for the last.
    const started = running.map(async (each) => {
      await each.until(({ status }) => (status as StationStatus | undefined)?.state === 'running', 60);
      if (cpus !== undefined) unbind.push(bound(each.child.pid!, cpus));
    });
    await Promise.all(started);
    const group = stationGroup(name, 'qualify');
    const done = async (): Promise<number> =>
      (await admin.committed(group, `${name}.reported`)).reduce((sum, { offset }) => sum + (offset ?? 0), 0);
    const working = Math.min(instances, partitions);
    while (running.filter((each) => received(each) > 0).length < working) {
      if ((await done()) > UNTIL) throw new Error('all was done before all instances had begun');
      await pause();
    }
    const first = { at: Date.now(), records: await done() };
    for (const each of running) each.ready();
    let last = first;
    while (last.records < UNTIL) {
      await pause();
      last = { at: Date.now(), records: await done() };
    }
    const records = last.records - first.records;
    const measured = running.map((each) => each.measure());
    return {
      instances,
      partitions,
      rate: (records * 1000) / (last.at - first.at),
      micros: (measured.reduce((sum, { working: seconds }) => sum + seconds, 0) * 1e6) / records,
      rss: Math.max(...measured.map(({ rss }) => rss)),
    };
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    for (const each of unbind) each();
  }
}

/** The flow `flights` with topics of its own, of so many partitions. */
async function ownFlow(name: string, partitions: number): Promise<string> {
  const path = await copyFlow(root, join(folder, name), name, undefined);
  const schemas = join(folder, name, 'schemas');
  await rename(join(schemas, 'flights.reported.avsc'), join(schemas, `${name}.reported.avsc`));
  const file = join(path, 'flow.yaml');
  const text = (await readFile(file, 'utf8')).replaceAll('flights.reported', `${name}.reported`);
  const topics = ['reported', 'qualified'].map((topic) => `  ${name}.${topic}: { partitions: ${partitions} }\n`);
  await writeFile(file, text.replace('\ntopics:\n', `\ntopics:\n${topics.join('')}`));
  return path;
}

async function extract(path: string): Promise<void> {
  const each = station(path, 'reported', 'extractor');
  await each.until(({ status }) => (status as StationStatus | undefined)?.exhausted === true, 400);
  const { cpu, rss } = each.measure();
  say(`reported: ${((cpu * 1e6) / RECORDS).toFixed(1)} µs a record with start-up, ${Math.round(rss)} MB`);
  await each.stop();
}

function station(path: string, name: string, kind: string): Process {
  const env = { QUADRILLE_FLOW: path, QUADRILLE_STATION: name, QUADRILLE_LOG: 'error' };
  return new Process(name, join(root, `services/${kind}/main.ts`), env, HEAP_MB);
}

function tableOf(results: readonly Result[]): string {
  const lines = results.map(
    ({ instances, partitions, rate, micros, rss }) =>
      `| ${instances} | ${partitions} | ${Math.round(rate).toLocaleString('en')} | ${micros.toFixed(1)} | ${Math.round(rss)} MB |`,
  );
  const each = cpus === undefined ? 'as much of the machine as it gets' : `${cpus} of a processor`;
  return `Each instance: ${each}.\n\n| instances | partitions | records/s | CPU µs a record | largest process |\n|---:|---:|---:|---:|---:|\n${lines.join('\n')}\n`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 200));
}
