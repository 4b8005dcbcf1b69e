import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import type { DeadLetter, DeadLetterGroup, Page, Replay } from '@quadrille/replay/api';
import { readLedger } from '@quadrille/station';
import { assertBalanced, guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { type Chain, startChain } from './sample.ts';

guardAgainstLeaks();

/** With 50,000 and more it is the long form, whose station also passes as many of its own: fewer make but a few rounds. */
const LETTERS = Number(process.env.QUADRILLE_LETTERS ?? 7_000);
const isLong = LETTERS >= 50_000;
/** Of a page or the groups. */
const LOOK_MS = 1_000;

const timed = async <T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> => {
  const begun = performance.now();
  const result = await work();
  return { result, ms: performance.now() - begun };
};

test('7,000 dead letters are listed and grouped within a second, and all replayed', {
  skip: noServers,
  timeout: isLong ? 1_800_000 : 300_000,
}, async (t) => {
  await using chain = await startChain();
  const { flow, service } = chain;
  await feedMany(chain, 'r', 'reject');
  await chain.drained();
  const groups = () => service.call<{ items: DeadLetterGroup[] }>('/v1/groups').then(({ items }) => items);
  let taken = 0;
  await until(
    'all taken in',
    async () => {
      taken = (await groups()).reduce((sum, { count }) => sum + count, 0);
      return taken === LETTERS;
    },
    isLong ? 600_000 : 60_000,
    () => taken,
  );

  const grouped = await timed(groups);
  assert.deepEqual(
    grouped.result.map(({ code, count }) => [code, count]),
    [['TOO_BAD', LETTERS]],
  );
  const page = await timed(() => service.call<Page<DeadLetter>>('/v1/dead-letters?limit=100'));
  assert.equal(page.result.items.length, 100);
  for (const { ms } of [grouped, page]) assert.ok(ms < LOOK_MS, `${ms} ms`);

  await chain.deploy('return record;');
  const asked = await timed(() => service.replay({ deadLetters: { code: 'TOO_BAD' } }));
  const judged = await timed(() =>
    until(
      'all judged',
      async () => (await service.call<Replay>(`/v1/replays/${asked.result.id}`)).passed === LETTERS,
      isLong ? 600_000 : 60_000,
    ),
  );
  const over = await timed(() => service.over(asked.result.id, isLong ? 600_000 : 120_000));
  assert.deepEqual(
    [over.result.state, over.result.passed, over.result.outcomes],
    ['done', LETTERS, { written: LETTERS }],
  );
  await chain.drained();
  assert.equal((await chain.rows()).size, LETTERS);
  await assertBalanced(flow);
  const own = isLong ? await ownPace(chain) : await pace(chain, 'FLOW.in');
  const replayed = await pace(chain, 'replay.FLOW.judge');
  t.diagnostic(
    `grouped ${grouped.ms.toFixed()} ms, page ${page.ms.toFixed()} ms, asked ${asked.ms.toFixed()} ms, ` +
      `judged ${judged.ms.toFixed()} ms, followed ${over.ms.toFixed()} ms; records/s at the station: ` +
      `${own} of its input, ${replayed} of the replay (${Math.round((100 * replayed) / own)} %)`,
  );
});

/** `LETTERS` items, a few thousand in one send. */
async function feedMany({ flow }: Chain, prefix: string, does: string): Promise<void> {
  for (let from = 0; from < LETTERS; from += 5_000) {
    const length = Math.min(5_000, LETTERS - from);
    const items = Array.from({ length }, (_, n) => ({ id: `${prefix}${from + n}`, does, n: from + n }));
    await feedItems(flow, 'FLOW.in', items);
  }
}

/** As many records as before, but waiting for the station and passing at once, under the same rule. */
async function ownPace(chain: Chain): Promise<number> {
  await chain.judge.stop();
  const since = Date.now();
  await feedMany(chain, 's', 'pass');
  await chain.deployAfterStop();
  await chain.drained();
  return pace(chain, 'FLOW.in', since);
}

/** Records a second between the first and the last entry of the station's ledger about a topic, from a moment on. */
async function pace({ flow }: Chain, topic: string, since = 0): Promise<number> {
  const { kafka, admin } = flow.clients;
  const rounds = (await readLedger(kafka, admin))
    .filter(({ entry }) => entry.flow === flow.name && entry.station === 'judge' && entry.at >= since)
    .map(({ entry: { at, parts } }) => ({ at, parts: parts.filter((part) => part.topic === flow.text(topic)) }))
    .filter(({ parts }) => parts.length > 0)
    .sort((a, b) => a.at - b.at);
  const records = rounds.slice(1).flatMap(({ parts }) => parts.map(({ pass, reject }) => pass + reject));
  const ms = rounds.at(-1)!.at - rounds[0]!.at;
  return Math.round((1_000 * records.reduce((sum, n) => sum + n, 0)) / ms);
}
