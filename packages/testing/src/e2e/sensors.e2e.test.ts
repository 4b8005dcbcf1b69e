/** flows/sensors/README.md as a reader does it: a queue and another Kafka in; duplicates, late readings, hours and an archive out. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { noElasticMq } from '@quadrille/devstack';
import type { DeadLetterGroup } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { ExampleProject, Page } from './example-project.ts';

guardAgainstLeaks();

const SENSORS = 6;
const HOURS = 8;

class SensorsProject extends ExampleProject {
  static async make(): Promise<SensorsProject> {
    const { name, folder } = await ExampleProject.place();
    const project = new SensorsProject(name, folder);
    await project.fill('sensors', {
      'flow: sensors': `flow: ${name}`,
      'plant.readings': `${name}.plant-readings`,
      'SENSORS = 20': `SENSORS = ${SENSORS}`,
      'HOURS = 24': `HOURS = ${HOURS}`,
      sensor_hours: `${name}_hours`,
    });
    return project;
  }

  /** What the archive holds, each reading as often as it stands there. */
  async archived(): Promise<{ sensor: string; hour: string; readings: number; distinct: number }[]> {
    const folder = join(this.folder, this.flow, 'archive');
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.parquet'));
    if (files.length === 0) return [];
    const database = await DuckDBInstance.create();
    const connection = await database.connect();
    const list = files.map((file) => `'${join(folder, file)}'`).join(', ');
    const reader = await connection.runAndReadAll(`
      SELECT sensor, strftime(date_trunc('hour', taken_at), '%Y-%m-%dT%H') AS hour,
        count(*)::int AS readings, count(DISTINCT taken_at)::int AS "distinct"
      FROM read_parquet([${list}]) GROUP BY ALL`);
    connection.closeSync();
    return reader.getRowObjectsJS() as never;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.sql(`DROP TABLE IF EXISTS ${this.name}_hours`);
  }
}

test('what is said twice counts once, what is late is waited for, and the hours agree with the archive, across kills', {
  skip: noServers || noElasticMq(),
  timeout: 300_000,
}, async () => {
  await using project = await SensorsProject.make();
  const { name, flow } = project;
  const page = await Page.of('sensors');
  const up = project.start('up', flow, '--outside');
  await up.says('stations started');
  await until('the first readings', async () => ((await project.books()).stations.hourly?.received ?? 0) > 0);
  const remembering = await project.stations('transformer');
  assert.equal(remembering.length, 2);
  for (const pid of remembering) process.kill(pid, 'SIGKILL');
  await up.says(`outside: ${SENSORS} sensors have sent a day of readings`);
  const [, said] = /a day of readings, (\d+) in all/.exec(up.err)!;
  await until('all judged', async () => {
    const { drained, stations } = await project.books();
    const received = (stations.devices?.received ?? 0) + (stations.plant?.received ?? 0);
    return drained && received === Number(said) && (stations.hourly?.received ?? 0) > 0;
  });

  const { stations } = await project.books();
  assert.ok(stations.clean!.dropped > 0, 'some came twice');
  assert.ok(stations.hourly!.dropped > 0, 'some came too late');
  const archived = await until('all in files', async () => {
    const found = await project.archived();
    return found.reduce((sum, { readings }) => sum + readings, 0) >= stations.hourly!.received ? found : undefined;
  });
  const standing = archived.reduce((sum, { readings }) => sum + readings, 0);
  assert.equal(standing, stations.hourly!.received, 'each record of the topic is archived once');
  const closed = await project.sql<{ sensor: string; hour: string; readings: number }>(
    `SELECT sensor, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') AS hour, readings::int FROM ${name}_hours`,
  );
  assert.equal(closed.length, SENSORS * HOURS);
  const readings = new Map(archived.map((row) => [`${row.sensor} ${row.hour}`, row.distinct]));
  let counted = 0;
  for (const row of closed) {
    const place = `${row.sensor} ${row.hour}`;
    assert.ok(row.readings <= readings.get(place)!, `${place}: ${row.readings} of ${readings.get(place)}`);
    counted += row.readings;
    readings.delete(place);
  }
  // What is left are hours that nothing has closed: each sensor's last.
  const open = [...readings.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(
    counted + open + stations.hourly!.dropped,
    standing,
    'in an hour, in one that is open, twice, or too late',
  );

  const groups = await until('the dead letters', async () => {
    const found = await project.json<DeadLetterGroup[]>('dlq', 'groups');
    return found.reduce((sum, { count }) => sum + count, 0) === stations.clean!.rejected ? found : undefined;
  });
  assert.deepEqual(
    groups.map(({ station, code }) => [station, code]),
    [['clean', 'READING_INVALID']],
  );
  for (const words of page.commands('the readings are given up')) {
    const ended = await project.type(...words.map((word) => (word === 'sensors' ? name : word)));
    assert.equal(ended.code, 0, `${words.join(' ')}\n${ended.out}${ended.err}`);
  }
  assert.equal((await project.type('down')).code, 0);
  assert.equal((await up.ended).code, 0, up.err);
});
