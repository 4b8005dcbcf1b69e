import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEntry, DeadLetter, Page, Replay } from '@quadrille/replay/api';
import {
  assertBalanced,
  dropReplaySchema,
  guardAgainstLeaks,
  noServers,
  parts,
  records,
  startReplayService,
  until,
} from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { type Chain, STEERED, startChain } from './sample.ts';

guardAgainstLeaks();

const LETTERS = 400;

async function withDeadLetters(chain: Chain): Promise<void> {
  const items = Array.from({ length: LETTERS }, (_, n) => ({ id: `r${n}`, does: 'reject', n }));
  await feedItems(chain.flow, 'FLOW.in', items);
  await chain.drained();
  await chain.letters(LETTERS);
  await chain.deploy('return record;');
}

const sent = (chain: Chain, id: string, least: number): Promise<unknown> =>
  until(`${least} sent`, async () => (await chain.service.call<Replay>(`/v1/replays/${id}`)).sent >= least);

/** Every dead letter resolved, every row there once, nothing sent that has no verdict. */
async function allResolvedOnce(chain: Chain, id: string): Promise<void> {
  const { flow, service } = chain;
  const over = await service.over(id, 120_000);
  assert.deepEqual(
    [over.state, over.records, over.passed, over.rejected, over.withdrawn],
    ['done', LETTERS, LETTERS, 0, 0],
  );
  await chain.letters(LETTERS, 'resolved');
  await chain.drained();
  const rows = await chain.rows();
  assert.equal(rows.size, LETTERS);
  assert.ok([...rows.values()].every(({ _revision }) => Number(_revision) === over.revision));
  const replays = (await parts(flow, 'judge')).filter(({ topic }) => topic === flow.text('replay.FLOW.judge'));
  const judged = replays.reduce((sum, { pass }) => sum + pass, 0);
  assert.equal(judged, (await records(flow, 'replay.FLOW.judge')).length);
  const { stations } = await assertBalanced(flow);
  // A copy that a crash left behind has no effect: its row is the same already.
  assert.equal(stations.store!.written, LETTERS);
}

test('kill -9 of the service in mid-replay, twice: none lost, none with effect twice, states right', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  await withDeadLetters(chain);
  const { id } = await chain.service.replay({ deadLetters: { code: 'TOO_BAD' }, rate: 100 });
  for (const least of [60, 200]) {
    await sent(chain, id, least);
    await chain.service.kill();
    chain.service = await startReplayService(chain.flow);
    await chain.service.ready();
  }
  await allResolvedOnce(chain, id);
});

test('its database dropped in mid-replay: made again of Kafka alone, corrections, discards and audit included', {
  skip: noServers,
}, async () => {
  await using chain = await startChain();
  await withDeadLetters(chain);
  const { service } = chain;
  const letters = await chain.letters(LETTERS);
  const [corrected, discarded] = letters as [DeadLetter, DeadLetter];
  await service.call('/v1/corrections', {
    items: [
      {
        deadLetter: corrected.id,
        edition: corrected.edition,
        value: { id: corrected.recordId, does: 'pass', n: 9_999 },
      },
    ],
    reason: 'mended',
    execute: true,
  });
  await service.call('/v1/discards', { selection: { ids: [discarded.id] }, reason: 'not needed', execute: true });
  const { id } = await service.replay({ deadLetters: { states: ['open'], code: 'TOO_BAD' }, rate: 100 });
  await sent(chain, id, 60);
  const before = await audit(chain);
  await service.kill();
  await dropReplaySchema(chain.flow);
  chain.service = await startReplayService(chain.flow);
  await chain.service.ready();

  const over = await chain.service.over(id, 120_000);
  assert.deepEqual([over.state, over.passed], ['done', LETTERS - 2]);
  await chain.letters(LETTERS - 2, 'resolved');
  const kept = await chain.letter(corrected.id);
  assert.deepEqual(
    [kept.state, kept.value, kept.corrections[0]?.reason],
    ['corrected', { id: corrected.recordId, does: 'pass', n: 9_999 }, 'mended'],
  );
  const aside = await chain.letter(discarded.id);
  assert.deepEqual([aside.state, aside.resolution?.reason], ['discarded', 'not needed']);
  // Others may have decided something since.
  const known = new Set(before);
  assert.deepEqual(
    (await audit(chain)).filter((entry) => known.has(entry)),
    before,
  );
  assert.ok(['replay', 'discard', 'correct'].every((action) => before.some((entry) => entry.includes(` ${action} `))));
  await assertBalanced(chain.flow);
});

/** What has been decided on these servers, the newest first. */
const audit = async ({ service }: Chain): Promise<string[]> =>
  (await service.call<Page<AuditEntry>>('/v1/audit?limit=500')).items.map(
    ({ at, action, by, reason }) => `${at} ${action} ${by} ${reason}`,
  );

test('two instances at once, the leading one killed in mid-replay: the other goes on, and nothing takes effect twice', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(STEERED);
  await withDeadLetters(chain);
  await using second = await startReplayService(chain.flow, { QUADRILLE_INSTANCE: 'second' });
  await second.until(({ state, url }) => state === 'running' && url !== undefined);
  assert.equal(second.status?.leading, false);
  const first = chain.service;
  // Asked of the one that does not lead.
  const { id } = await second.replay({ deadLetters: { code: 'TOO_BAD' }, rate: 100 });
  await sent(chain, id, 60);
  await first.kill();
  chain.service = second;
  await second.until(({ leading }) => leading);
  await allResolvedOnce(chain, id);
});
