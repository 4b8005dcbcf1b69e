import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER, unpackHeader } from '@quadrille/record';
import type { DeadLetter, Page, Trace } from '@quadrille/replay/api';
import { assertBalanced, guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { feedItems, schema } from '../station/sample.ts';
import { type Chain, startChain } from './sample.ts';

guardAgainstLeaks();

const ASIDE = { 'FLOW.aside': schema('Aside') };
/** Above the bound a record goes aside; a copy of every seventh goes both ways. */
const above = (bound: number): string => `
  if (record.does === 'reject') return reject('TOO_BAD', 'it is bad', { field: 'does' });
  if (record.n % 7 === 0) return [record, to('FLOW.aside', { ...record })];
  return record.n > ${bound} ? to('FLOW.aside', record) : record;`;

/** What stands in a topic: ids whose newest record is no deletion. */
async function standing(chain: Chain, topic: string): Promise<string[]> {
  const newest = new Map<string, boolean>();
  for (const { key, value, headers } of await chain.clientRecords(topic))
    newest.set(unpackHeader(headers[HEADER]!, key).id, value !== null);
  return [...newest].flatMap(([id, stands]) => (stands ? [id] : [])).sort();
}

test('a rule that sent records to the wrong topic is mended: what is run again is deleted there, and goes where it belongs', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(above(3), undefined, ASIDE);
  const { flow, service } = chain;
  const items = Array.from({ length: 9 }, (_, i) => ({ id: `r${i + 1}`, n: i + 1 }));
  await feedItems(flow, 'FLOW.in', [...items, { id: 'bad', does: 'reject', n: 8 }]);
  await chain.drained();
  assert.deepEqual(await standing(chain, 'FLOW.out'), ['r1', 'r2', 'r3', 'r7/0']);
  assert.deepEqual(await standing(chain, 'FLOW.aside'), ['r4', 'r5', 'r6', 'r7/1', 'r8', 'r9']);

  await chain.deploy(above(5));
  const over = await service.over(
    (await service.replay({ records: { flow: flow.name, station: 'judge', where: 'n >= 2' }, reason: 'wrong bound' }))
      .id,
  );
  assert.deepEqual([over.kind, over.state, over.passed], ['rerun', 'done', 8]);
  await chain.drained();
  assert.deepEqual(await standing(chain, 'FLOW.out'), ['r1', 'r2', 'r3', 'r4', 'r5', 'r7/0']);
  assert.deepEqual(await standing(chain, 'FLOW.aside'), ['r6', 'r7/1', 'r8', 'r9']);
  assert.deepEqual(
    [...(await chain.rows())]
      .filter(([, row]) => row._deleted !== true)
      .map(([id]) => id)
      .sort(),
    ['r1', 'r2', 'r3', 'r4', 'r5', 'r7/0'],
  );

  const [letter] = await chain.letters(1);
  await service.call('/v1/corrections', {
    items: [{ deadLetter: letter!.id, edition: letter!.edition, value: { id: 'bad', does: 'ok', n: 8 } }],
    execute: true,
  });
  const sent = await service.over((await service.replay({ deadLetters: { ids: [letter!.id] }, reason: 'mended' })).id);
  assert.deepEqual([sent.kind, sent.passed], ['replay', 1]);
  await until('the letter is resolved', async () => {
    const { items } = await service.call<Page<DeadLetter>>('/v1/dead-letters?states=resolved');
    return items.length === 1 || undefined;
  });
  assert.ok((await standing(chain, 'FLOW.aside')).includes('bad'));

  const { steps } = await service.call<Trace>(`/v1/trace?flow=${flow.name}&record=r4`);
  const topics = new Set(
    steps.flatMap(({ kind, place }) => (kind === 'record' && place !== null ? [place.topic] : [])),
  );
  assert.deepEqual(
    [...topics].sort(),
    ['FLOW.aside', 'FLOW.in', 'FLOW.out'].map((topic) => flow.text(topic)),
  );
  await assertBalanced(flow);
});
