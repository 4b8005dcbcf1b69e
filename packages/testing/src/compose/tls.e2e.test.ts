/** January through containers whose Kafka asks for TLS and a user: each service its own, with the least rights. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { test } from 'node:test';
import { guardAgainstLeaks, until } from '../harness/index.ts';
import { noContainers } from './docker.ts';
import { flightsOf } from './flows.ts';
import { ComposeProject, IMAGES } from './project.ts';

guardAgainstLeaks();

const NODE = '/nodejs/bin/node';

test('January with SASL_SSL: balanced, and a station gets no further than its own topics', {
  skip: await noContainers(IMAGES),
  timeout: 600_000,
}, async (t) => {
  await using flows = await flightsOf(['01']);
  // Containers read it as a user of their own.
  await chmod(flows.folder, 0o755);
  await using project = await ComposeProject.make({
    COMPOSE_FILE: 'docker-compose.yml:docker-compose.tls.yml',
    FLOWS_DIR: flows.folder,
  });
  await project.compose('up', '--build', '--detach', '--wait');
  const books = await until(
    'every record judged',
    async () => {
      const now = await project.reconcile();
      return now.drained && now.stations.reported?.passed === 27_004 ? now : undefined;
    },
    120_000,
  );
  assert.deepEqual([books.balanced, books.unaccounted, books.conflicts], [true, 0, 0]);
  assert.equal(books.stations.warehouse?.written, await project.rows());
  t.diagnostic(`${books.stations.warehouse?.written} rows written`);

  const insideOf = async (service: string, code: string) =>
    (await project.compose('exec', '-T', service, NODE, '-p', code)).trim();
  assert.equal(await insideOf('qualify', "fs.readdirSync('/run/access').sort().join()"), 'ca.pem,password');
  const secrets = "fs.readFileSync('/run/access/password', 'utf8')";
  assert.notEqual(await insideOf('qualify', secrets), await insideOf('locate', secrets));
  assert.equal(
    await insideOf('qualify', 'Object.keys(process.env).filter((name) => /PASSWORD$/.test(name)).join()'),
    '',
  );

  // With the password of `qualify`, whatever the user.
  const provisionAs = (user: string) =>
    project.try(
      ...['run', '--rm', '--no-deps', '-T', '--entrypoint', NODE, '-e', `KAFKA_SASL_USERNAME=${user}`],
      ...['qualify', 'bin/quadrille.js', 'flow', 'provision', 'flows/flights', '--execute'],
    );
  const refused = await provisionAs('flights.qualify');
  assert.equal(refused.code, 1, refused.out);
  assert.match(refused.err, /ACL_MISSING/);
  const stranger = await provisionAs('flights.locate');
  assert.equal(stranger.code, 1, stranger.out);
  assert.match(stranger.err, /ACCESS_DENIED/);
});
