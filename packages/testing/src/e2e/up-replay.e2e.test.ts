/** The replay service as `quadrille up` runs it beside the stations. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeadLetterGroup, ErrorBody, Page, ServiceStatus } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { TinyProject } from './command.ts';

guardAgainstLeaks();

interface Place {
  url: string;
  tokenFile: string;
}

const read = async (file: string): Promise<Place | undefined> =>
  existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Place) : undefined;

test('up starts the service, says where, starts it again when it dies, ends it; --no-replay leaves it out', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await TinyProject.make();
  const { name, folder } = project;
  const file = join(folder, '.quadrille/replay.json');
  const up = project.start('up', '.');
  const place = await until('a place', () => read(file));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(place.tokenFile).mode & 0o777, 0o600);
  const token = (await readFile(place.tokenFile, 'utf8')).trim();
  const get = async <T>(path: string, bearer = token): Promise<{ status: number; body: T }> => {
    const { url } = (await read(file))!;
    const headers = { authorization: `Bearer ${bearer}`, connection: 'close' };
    const answer = await fetch(`${url}${path}`, { headers });
    return { status: answer.status, body: (await answer.json()) as T };
  };
  const caughtUp = async (): Promise<ServiceStatus | undefined> => {
    const { status, body } = await get<ServiceStatus>('/v1/status').catch(() => ({ status: 0, body: undefined }));
    return status === 200 && body?.leading && body.caughtUp ? body : undefined;
  };
  const status = await until('caught up', caughtUp);
  assert.deepEqual(
    status.flows.map((flow) => flow.name),
    [name],
  );
  assert.equal(status.role, 'admin');
  assert.deepEqual((await get<ErrorBody>('/v1/status', 'wrong')).body.errors[0]?.code, 'UNAUTHENTICATED');
  await up.says(/depot 41 \(/);
  const groups = await until('both groups', async () => {
    const { body } = await get<Page<DeadLetterGroup>>('/v1/groups');
    return body.items.length === 2 && body.items.reduce((sum, { count }) => sum + count, 0) === 4
      ? body.items
      : undefined;
  });
  assert.deepEqual(groups.map(({ code, count }) => [code, count]).sort(), [
    ['FIELD_INVALID', 1],
    ['PARCEL_TOO_HEAVY', 3],
  ]);

  const { instance } = status;
  assert.match(instance, /^replay@/);
  process.kill((await project.replayService())!, 'SIGKILL');
  await up.says(/replay service ended \(SIGKILL\), starts again/);
  await until('another place', async () => {
    const next = await read(file);
    return next !== undefined && next.url !== place.url;
  });
  await until('caught up again', caughtUp);

  assert.equal((await project.type('down')).code, 0);
  assert.equal((await up.ended).code, 0);
  assert.ok(!existsSync(file));
  assert.equal(await project.replayService(), undefined);

  const without = project.start('up', '.', '--no-replay');
  await without.says(/stations started/);
  await without.says(/depot \d+ \(/);
  assert.equal(await project.replayService(), undefined);
  without.child.kill('SIGINT');
  assert.equal((await without.ended).code, 0);
  assert.ok(!existsSync(file));

  const killed = project.start('up', '.');
  await until('the service', () => project.replayService());
  killed.child.kill('SIGKILL');
  await killed.ended;
  await until('no service', async () => (await project.replayService()) === undefined);
  await until('no station', async () => (await project.stations()).length === 0);
});
