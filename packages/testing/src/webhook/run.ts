/** A webhook under load on servers of its own, whose broker is killed and comes back: what was answered, and what is there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeState, type Stack, startStack } from '@quadrille/devstack';
import { deadLetterTopic, HEADER, unpackHeader } from '@quadrille/record';
import {
  type FlowFixture,
  flowFixture,
  freePort,
  reconcile,
  records,
  rows,
  startStation,
  until,
} from '../harness/index.ts';
import { type LoadResult, load } from './load.ts';
import type { WebhookRunOptions } from './options.ts';

export interface WebhookReport {
  ok: boolean;
  problems: string[];
  /** Calls begun a second, and how long until the last was answered. */
  rate: number;
  seconds: number;
  calls: number;
  latency: LoadResult['latency'];
  /** Answers of all attempts by status; 0: none. */
  answers: Record<string, number>;
  taken: number;
  refused: number;
  rows: number;
  deadLetters: number;
  /** Records that attempts which did not count have left in the topic. */
  duplicates: number;
}

const flowOf = (pending: number): string => `
flow: FLOW
topics: { FLOW.called: { partitions: 2 } }
stations:
  called:
    extractor: { type: webhook, route: /events, idempotencyKey: Idempotency-Key, pending: { items: ${pending} } }
    to: FLOW.called
    stopTheLine: off
  store: { loader: { type: postgres, table: FLOW }, from: FLOW.called }
`;

const CALLED = {
  type: 'record',
  name: 'Called',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int' },
  ],
};

/** One call in so many brings what cannot be taken. */
const BAD_EACH = 50;
const DRAIN_MS = 120_000;

/** @throws when servers do not start, or stations end by themselves. */
export async function runWebhook(options: WebhookRunOptions, tell: (line: string) => void): Promise<WebhookReport> {
  const dir = await mkdtemp(join(tmpdir(), 'quadrille-webhook-'));
  const { KAFKA_BROKERS: _, SCHEMA_REGISTRY_URL: __, DATABASE_URL: ___, ...env } = process.env;
  const stack = await startStack({ dir, env, onProgress: () => {} });
  try {
    await using flow = await flowFixture({
      files: { 'flow.yaml': flowOf(options.pending) },
      schemas: { 'FLOW.called': CALLED },
      addresses: stack,
    });
    const port = await freePort();
    const called = await startStation(flow, 'called', { QUADRILLE_WEBHOOK: `127.0.0.1:${port}` });
    const store = await startStation(flow, 'store');
    await Promise.all([called.running(), store.running(), called.says(/partitions assigned/)]);
    tell(`${options.rate} calls a second for ${options.seconds} s over ${options.connections} connections`);
    const restarted = restart(stack, options, tell);
    const result = await load({ port, path: '/events', badEach: BAD_EACH, ...options });
    await restarted;
    tell(`all answered after ${result.seconds.toFixed(1)} s`);
    await until('everything is read, judged and written', async () => (await reconcile(flow)).drained, DRAIN_MS);
    await Promise.all([called.stop(), store.stop()]);
    return await reportOf(flow, options, result);
  } finally {
    await stack.stop();
    await removeState(dir);
    await rm(dir, { recursive: true, force: true });
  }
}

async function restart(
  stack: Stack,
  { restartAt, downFor }: WebhookRunOptions,
  tell: (line: string) => void,
): Promise<void> {
  if (restartAt === undefined) return;
  await sleep(restartAt * 1000);
  tell(`${restartAt} s: kill -9 of the broker`);
  await stack.broker(0).kill();
  await sleep(downFor * 1000);
  await stack.broker(0).start();
  tell(`the broker is back`);
}

/** Holds the answers against the table, the dead letters and the books. */
async function reportOf(flow: FlowFixture, options: WebhookRunOptions, result: LoadResult): Promise<WebhookReport> {
  const { taken, refused, others, answers, rate, seconds, latency } = result;
  const table = (await rows(flow, flow.name)).map(({ _id }) => String(_id));
  const dead = new Set(
    (await records(flow, deadLetterTopic('FLOW.called'))).map(
      ({ key, headers }) => unpackHeader(headers[HEADER]!, key).id,
    ),
  );
  const books = await reconcile(flow);
  const out = books.edges.find(({ topic }) => topic === flow.text('FLOW.called'))!;
  const problems = [
    ...books.findings.map(({ text }) => text),
    ...difference('answered with 202 and not in the table', taken, new Set(table)),
    ...difference('in the table and never answered with 202', new Set(table), taken),
    ...difference('answered with 422 and no dead letter', refused, dead),
    ...difference('a dead letter and never answered with 422', dead, refused),
    ...(new Set(table).size === table.length ? [] : ['an id stands twice in the table']),
    ...[...others].map(([status, count]) => `${count} calls were answered with ${status}`),
    ...(books.conflicts === 0 ? [] : [`${books.conflicts} conflicts`]),
    ...(taken.size + refused.size === Math.round(options.rate * options.seconds)
      ? []
      : ['not every call was answered']),
  ];
  return {
    ok: problems.length === 0,
    problems,
    rate,
    seconds,
    calls: taken.size + refused.size,
    latency,
    answers: Object.fromEntries([...answers].sort(([a], [b]) => a - b)),
    taken: taken.size,
    refused: refused.size,
    rows: table.length,
    deadLetters: dead.size,
    duplicates: out.duplicate,
  };
}

function difference(what: string, of: ReadonlySet<string>, from: ReadonlySet<string>): string[] {
  const only = [...of.difference(from)];
  return only.length === 0 ? [] : [`${only.length} ${what}, e.g. ${only.slice(0, 3).join(', ')}`];
}
