import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEADER, unpackHeader } from '@quadrille/record';
import {
  assertBalanced,
  drained,
  dropTable,
  guardAgainstLeaks,
  noServers,
  parts,
  records,
  rows,
  startStation,
} from '../harness/index.ts';
import { feed, feedItems, type Item, sampleFlow, schema } from './sample.ts';

guardAgainstLeaks();

const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true }, FLOW.out: { partitions: 2 }, FLOW.aside: { partitions: 3 } }
stations:
  part:
    transformer: [rules/part.ts, rules/late.sql]
    from: FLOW.in
    to: [FLOW.out, FLOW.aside, FLOW.late]
    stopTheLine: "off"
  store:
    loader: { type: postgres, table: rows-FLOW }
    from: FLOW.out
  keep:
    loader: { type: postgres, table: aside-FLOW }
    from: FLOW.aside
  wait:
    transformer: rules/steer.ts
    from: FLOW.late
    to: FLOW.waited
`;
const PART = `
import { rule } from '@quadrille/flow';
import { drop, to } from '@quadrille/record';
export default rule({
  doc: 'Parts them.',
  to: ['FLOW.aside'],
  examples: [],
  apply(record) {
    switch (record.does) {
      case 'aside': return to('FLOW.aside', record);
      case 'both': return [record, to('FLOW.aside', { ...record, n: -record.n })];
      case 'drop': return drop('NOT_WANTED');
      case 'wrong': return [record, to('FLOW.aside', { ...record, n: 'no number' })];
      default: return record;
    }
  },
});
`;
const LATE = `-- doc: Late ones wait.
select row, case when does like 'la%' and n > 0 then 'FLOW.late' end as topic from input`;

test('one station, three topics: each record goes where its rule says, through a kill, and every edge balances', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(FLOW, {
    files: { 'rules/part.ts': PART, 'rules/late.sql': LATE },
    schemas: { 'FLOW.aside': schema('Aside'), 'FLOW.late': schema('Late'), 'FLOW.waited': schema('Waited') },
  });
  flow.atEnd(() => dropTable(flow, `rows-${flow.name}`));
  flow.atEnd(() => dropTable(flow, `aside-${flow.name}`));
  const does = ['pass', 'aside', 'both', 'drop', 'late', 'wrong'];
  const items = (from: number): Item[] =>
    Array.from({ length: 300 }, (_, i) => ({ id: `r${from + i}`, does: does[i % does.length]!, n: from + i }));
  await feedItems(flow, 'FLOW.in', items(0));
  await using store = await startStation(flow, 'store');
  await using keep = await startStation(flow, 'keep');
  await using wait = await startStation(flow, 'wait');
  {
    await using first = await startStation(flow, 'part');
    await first.running();
    await feedItems(flow, 'FLOW.in', items(300));
    await first.kill();
  }
  await feed(flow, 'FLOW.in', [{ key: 'r1', value: null }]);
  await using part = await startStation(flow, 'part');
  for (const name of ['part', 'store', 'keep', 'wait']) await drained(flow, name);

  const ids = async (table: string): Promise<string[]> =>
    (await rows(flow, table))
      .filter(({ _deleted }) => _deleted !== true)
      .map(({ _id }) => String(_id))
      .sort();
  const expected = (kind: string, suffix: string): string[] =>
    [...items(0), ...items(300)].filter((item) => item.does === kind).map(({ id }) => `${id}${suffix}`);
  assert.deepEqual(await ids(`rows-${flow.name}`), [...expected('pass', ''), ...expected('both', '/0')].sort());
  assert.deepEqual(
    await ids(`aside-${flow.name}`),
    [...expected('aside', ''), ...expected('both', '/1')].filter((id) => id !== 'r1').sort(),
  );
  const late = new Map(
    (await records(flow, 'FLOW.late')).map(({ headers, key }) => [
      key!.toString(),
      unpackHeader(headers[HEADER]!, key).from,
    ]),
  );
  assert.deepEqual([...late.keys()].sort(), [...expected('late', ''), 'r1'].sort(), 'and the deletion');
  assert.equal(late.get('r1')?.index, 2, 'a deletion goes to every topic, under one id');

  const topics = new Set((await parts(flow, 'part')).flatMap(({ claims }) => claims.map(({ topic }) => topic)));
  assert.deepEqual(
    [...topics].sort(),
    ['FLOW.aside', 'FLOW.late', 'FLOW.out'].map((topic) => flow.text(topic)),
  );
  assert.equal((await records(flow, 'dlq.FLOW.in')).length >= 100, true, 'what does not fit one topic goes to none');
  await assertBalanced(flow);
  for (const station of [store, keep, wait, part]) await station.stop();
});
