/** What the manifests of a flow say of files, environment, arguments and probes is enough to run it. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from 'pg';
import { parseAllDocuments } from 'yaml';
import { TinyProject } from '../e2e/command.ts';
import { givenAddresses, guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { Pod, type Surroundings } from './pod.ts';
import type { Manifest } from './schemas.ts';

guardAgainstLeaks();

interface Books {
  balanced: boolean;
  unaccounted: number;
  stations: Record<string, { received: number; written?: number; inFlight: number }>;
}

test('the Job makes topics and schemas, the Deployments run the flow to its end and stop in order', {
  skip: noServers,
  timeout: 170_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name } = project;
  const rendered = await project.type('k8s', 'render', '.', '--out', 'k8s');
  assert.equal(rendered.code, 0, rendered.err);
  const manifests = globSync('k8s/base/*.yaml', { cwd: project.folder })
    .flatMap((file) => parseAllDocuments(readFileSync(join(project.folder, file), 'utf8')))
    .map((document) => document.toJS() as Manifest)
    .filter(({ kind }) => kind !== 'Kustomization');
  const { brokers, registryUrl, databaseUrl } = givenAddresses();
  const database = { DATABASE_URL: `${databaseUrl}\n` };
  const around: Surroundings = {
    manifests,
    settings: { [`${name}-servers`]: { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl } },
    secrets: {
      [`${name}-depot-secrets`]: database,
      [`${name}-quadrille-replay-secrets`]: database,
      [`${name}-replay-tokens`]: {
        'tokens.json': JSON.stringify([{ name: 'nobody', role: 'view', sha256: '0'.repeat(64) }]),
      },
    },
    claims: { [`${name}-data`]: project.folder },
  };
  await using pods = new AsyncDisposableStack();
  // After the pods: what is put here first goes last.
  pods.defer(async () => {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS quadrille_replay_${name} CASCADE; DROP TABLE IF EXISTS ${name}_parcels`);
    await client.end();
  });
  const start = async (manifest: Manifest): Promise<Pod> => pods.use(await Pod.start(manifest, around));
  const job = await start(manifests.find(({ kind }) => kind === 'Job')!);
  assert.equal(await job.ended, 0, job.text);

  const deployments = manifests.filter(({ kind }) => kind === 'Deployment');
  assert.equal(deployments.length, 4);
  const running = await Promise.all(deployments.map(start));
  for (const pod of running)
    await until(
      `${pod.name} ready`,
      () => pod.isReady(),
      60_000,
      () => pod.text,
    );
  const books = await until('the flow is drained', async () => {
    const now = await project.json<Books>('flow', 'reconcile', '.');
    const { parcels, depot } = now.stations;
    const drained = Object.values(now.stations).every(({ inFlight }) => inFlight === 0);
    return drained && (parcels?.received ?? 0) > 0 && (depot?.received ?? 0) > 0 ? now : undefined;
  });
  assert.deepEqual([books.balanced, books.unaccounted], [true, 0]);
  for (const pod of running) assert.equal(await pod.stop(), 0, pod.text);
});
