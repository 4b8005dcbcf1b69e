/**
 * `npm run bench [-- --runs 3] [--round N] [--json FILE]`: three chained stations (transform, enrich, load) over the
 * whole year, input topic full, against the floor: bare kafkajs + avsc + pg doing the same work in the same run.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startStack } from '@quadrille/devstack';
import { readFlow } from '@quadrille/flow';
import { connectKafka, createLog, KafkaAdmin, provision, Registry, type StationStatus } from '@quadrille/station';
import pg from 'pg';
import { type Ground, type Run, runChain, type Variant } from './chain.ts';
import { Process } from './process.ts';
import { report } from './report.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    round: { type: 'string' },
    variants: { type: 'string', default: 'floor,bare,full' },
    json: { type: 'string' },
  },
});
const root = resolve(import.meta.dirname, '../../../..');
const folder = await mkdtemp(join(tmpdir(), 'quadrille-bench-'));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const stack = await startStack({ dir: join(folder, 'stack'), onProgress: say });
const kafka = connectKafka(
  { brokers: stack.brokers, clientId: 'bench', sessionTimeoutMs: 30_000 },
  createLog({}, 'error'),
);
const admin = new KafkaAdmin(kafka);
const registry = new Registry(stack.registryUrl);
const database = new pg.Client({ connectionString: stack.databaseUrl });
process.env.KAFKA_BROKERS = stack.brokers.join(',');
process.env.SCHEMA_REGISTRY_URL = stack.registryUrl;
process.env.DATABASE_URL = stack.databaseUrl;
try {
  await database.connect();
  const counts = await extractYear();
  const ground: Ground = {
    root,
    folder,
    admin,
    registry,
    database,
    counts,
    round: values.round === undefined ? undefined : Number(values.round),
  };
  const runs: Run[] = [];
  for (let i = 1; i <= Number(values.runs); i++) {
    for (const variant of values.variants.split(',') as Variant[]) {
      const run = await runChain(variant, `${variant}${i}x${Date.now() % 100_000}`, ground);
      say(
        `${variant} ${i}: ${Math.round(run.rate)} records/s, ${run.processes.map((p) => `${p.name} ${p.working.toFixed(1)} s ${Math.round(p.rss)} MB`).join(', ')}`,
      );
      runs.push(run);
    }
  }
  process.stdout.write(report(runs, counts.transform));
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(runs, null, 2));
} finally {
  await database.end();
  await admin.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Fills the input topic and the reference topics with the real data, once. */
async function extractYear(): Promise<Ground['counts']> {
  const path = join(root, 'flows/flights');
  const flow = await readFlow(path);
  await provision(flow, admin, registry);
  for (const station of flow.stations.values()) {
    if (station.kind !== 'extractor') continue;
    const extractor = new Process(
      station.name,
      join(root, 'services/extractor/main.ts'),
      { QUADRILLE_FLOW: path, QUADRILLE_STATION: station.name, QUADRILLE_LOG: 'error' },
      192,
    );
    await extractor.until((m) => (m.status as StationStatus | undefined)?.exhausted === true, 400);
    await extractor.stop();
  }
  return { transform: 336_776, enrich: 328_521, load: 320_960 };
}
