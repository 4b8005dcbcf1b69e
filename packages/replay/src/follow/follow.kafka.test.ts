/** Following on real topics: what is not taken in yet is counted, and a client that has given up is not followed by nobody. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFlow } from '@quadrille/flow';
import { formatMark, stationGroup } from '@quadrille/record';
import { Outlet, OWN_CODECS, OWN_TOPICS } from '@quadrille/station';
import { Letters, noServers, SCHEMA } from '../letters/letters.fixture.ts';
import type { Ground } from '../model.ts';
import { type Following, follow } from './index.ts';
import { makeLive } from './liveness.ts';

const skip = noServers;

async function until(what: string, met: () => unknown): Promise<void> {
  for (const end = Date.now() + 60_000; !(await met()); await sleep(50)) assert.ok(Date.now() < end, what);
}

interface Scene {
  ground: Ground;
  /** Of the one station. */
  flow: string;
  input: string;
  /** Writes records to a topic. */
  write(topic: string, records: number): Promise<void>;
}

/** A flow of one transformer, and the topics that the service follows. */
async function scene(t: TestContext): Promise<Scene> {
  const letters = await Letters.open();
  t.after(() => letters[Symbol.asyncDispose]());
  const { kafka, admin, registry } = letters.ground;
  const name = `f${letters.schema.slice(-8)}`;
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-follow-'));
  t.after(() => rm(folder, { recursive: true }));
  const input = `${name}.in`;
  await writeFile(join(folder, 'rule.ts'), 'export default (record: object) => record;\n');
  await writeFile(
    join(folder, 'flow.yaml'),
    `flow: ${name}
topics: { ${input}: { external: true } }
stations:
  judge: { transformer: rule.ts, from: ${input}, to: ${name}.out }
`,
  );
  await mkdir(join(folder, 'schemas'));
  for (const topic of [input, `${name}.out`])
    await writeFile(join(folder, 'schemas', `${topic}.avsc`), JSON.stringify(SCHEMA));
  const read = await readFlow(folder);
  await admin.createTopics(OWN_TOPICS, 1);
  for (const codec of OWN_CODECS) codec.id = await registry.register(codec.subject, codec.text);
  const outlet = new Outlet(kafka);
  t.after(() => outlet.close());
  const producer = kafka.producer();
  await producer.connect();
  t.after(() => producer.disconnect());
  const ground: Ground = {
    ...letters.ground,
    outlet,
    flows: new Map([[read.name, read]]),
    instance: 'test',
    env: {},
  };
  return {
    ground,
    flow: name,
    input,
    write: async (topic, records) => {
      const messages = Array.from({ length: records }, (_, n) => ({ key: `k${n}`, value: 'v', partition: 0 }));
      await producer.send({ topic, acks: -1, messages });
    },
  };
}

async function topic(t: TestContext, { admin, kafka }: Ground, name: string) {
  await admin.createTopics([{ topic: name, partitions: 1, config: {} }], 1);
  t.after(async () => {
    const raw = kafka.admin();
    await raw.connect();
    await raw.deleteTopics({ topics: [name] });
    await raw.disconnect();
  });
}

/** Follows until the test ends; what ends it before is kept. */
function following(t: TestContext, ground: Ground): Following & { ended: Promise<unknown> } {
  const ending = new AbortController();
  const started = follow(ground, { onLive: [], applies: {}, recover: async () => {} });
  const ended = started.duty(ending.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  t.after(() => {
    ending.abort();
    return ended;
  });
  return { ...started, ended };
}

/** A client whose consumers can be told that they have given up for good, as they tell it themselves. */
function givingUp(kafka: Ground['kafka'], giveUp: (() => void)[]): Ground['kafka'] {
  const consumer: typeof kafka.consumer = (options) => {
    const real = kafka.consumer(options);
    const on = (event: string, listener: (event: unknown) => void) => {
      if (event === real.events.CRASH)
        giveUp.push(() => listener({ payload: { restart: false, error: new Error('no way back') } }));
      return real.on(event as never, listener as never);
    };
    return { ...real, on } as typeof real;
  };
  return Object.assign(Object.create(kafka), { consumer });
}

test('records that are not taken in yet are counted, until they are', { skip }, async (t) => {
  const { ground, input, write } = await scene(t);
  await topic(t, ground, `dlq.${input}`);
  await write(`dlq.${input}`, 50);
  const taken = Promise.withResolvers<void>();
  // Nothing can be taken in meanwhile.
  const locked = ground.database.transaction(async (tx) => {
    await tx.query('lock table followed in exclusive mode');
    await taken.promise;
  });
  const service = following(t, ground);
  await until('counted', () => service.behind() >= 50);
  assert.equal(service.caughtUp(), false);
  taken.resolve();
  await locked;
  await until('caught up', () => service.caughtUp());
  // Others write to the ledger meanwhile; of these 50 nothing is left.
  await until('all taken in', () => service.behind() < 50);
});

test('a client that gives up while it follows ends the duty, which is then begun anew', { skip }, async (t) => {
  const { ground, input } = await scene(t);
  await topic(t, ground, `dlq.${input}`);
  const giveUp: (() => void)[] = [];
  const service = following(t, { ...ground, kafka: givingUp(ground.kafka, giveUp) });
  await until('caught up', () => service.caughtUp());
  assert.ok(giveUp.length > 0);
  for (const each of giveUp) each();
  const error = await service.ended;
  assert.match(String((error as Error | undefined)?.message), /no way back/);
  assert.equal(service.caughtUp(), false);
});

test('a chain of many parts becomes live in one go, in its order', { skip, timeout: 120_000 }, async (t) => {
  const { ground, flow, input } = await scene(t);
  const { database, kafka } = ground;
  const PARTS = 40_000;
  await topic(t, ground, input);
  await database.query(
    `insert into ledger_part (ledger_partition, ledger_offset, part, flow, station, instance, at, kind, topic, partition,
       from_offset, to_offset, commit_offset, pass, dropped, rejected, outputs, runs, claims, outcome_runs, prev_partition,
       prev_offset, prev_part)
     select 0, 2 * n, 0, $1, 'judge', 'i', now(), 'work', $2, 0, n, n + 1, n + 1, 1, 0, 0, 1, '[]',
       '[{"topic": "out", "partition": 0, "offset": 0, "count": 1}]', '[]', case when n > 0 then 0 end,
       case when n > 0 then 2 * (n - 1) end, case when n > 0 then 0 end
     from generate_series(0, $3::integer - 1) n`,
    [flow, input, PARTS],
  );
  // What a crash has left, which no commit leads back to.
  await database.query(
    `insert into ledger_part select 0, 2 * 7 + 1, part, flow, station, instance, at, kind, topic, partition, from_offset,
       to_offset, commit_offset, pass, dropped, rejected, outputs, runs, claims, outcomes, outcome_runs, prev_partition,
       prev_offset, prev_part from ledger_part where ledger_offset = 2 * 7`,
  );
  const consumer = kafka.consumer({ groupId: stationGroup(flow, 'judge') });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.connect();
  await consumer.subscribe({ topics: [input] });
  await consumer.run({ autoCommit: false, eachMessage: async () => {} });
  await joined;
  const metadata = formatMark({ ref: { partition: 0, offset: 2 * (PARTS - 1), part: 0 }, attempts: 0 });
  await consumer.commitOffsets([{ topic: input, partition: 0, offset: String(PARTS), metadata }]);
  await consumer.disconnect();

  const seen: number[] = [];
  const note = async (_: unknown, parts: readonly { part: { from: number } }[]): Promise<void> => {
    for (const { part } of parts) seen.push(part.from);
  };
  const begun = performance.now();
  const { signal } = new AbortController();
  while ((await makeLive(ground, [note], signal)) > 0);
  const ms = performance.now() - begun;
  t.diagnostic(`${PARTS} parts: ${ms.toFixed(0)} ms`);
  assert.ok(ms < 15_000, `${ms.toFixed(0)} ms`);
  assert.deepEqual(
    seen,
    Array.from({ length: PARTS }, (_, n) => n),
  );
  const [left] = await database.query('select ledger_offset from ledger_part where not live');
  assert.deepEqual(left, { ledger_offset: 15 });
});
