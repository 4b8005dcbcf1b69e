import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic } from '@quadrille/record';
import {
  assertBalanced,
  committed,
  drained,
  guardAgainstLeaks,
  noServers,
  records,
  startStation,
} from '../harness/index.ts';
import { feedItems, passing, sampleFlow, schema } from './sample.ts';

guardAgainstLeaks();

const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 1, external: true }, FLOW.names: { partitions: 2, compacted: true }, FLOW.out: { partitions: 1 } }
stations:
  names:
    extractor: { type: csv, path: data/names.csv, id: "{id}" }
    to: FLOW.names
  name:
    enricher:
      names: { topic: FLOW.names, on: { id: id }, take: { name: does }, missing: reject }
    from: FLOW.in
    to: FLOW.out
`;
const NAMES = {
  type: 'record',
  name: 'Names',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'name', type: 'string' },
  ],
};

test('an enricher holds until its lookup’s first snapshot is complete; then what is missing is a dead letter', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow(FLOW, {
    schemas: { 'FLOW.names': NAMES, 'FLOW.out': schema('Out') },
    files: { 'data/names.csv': 'id,name\nr-0,zero\nr-1,one\nr-2,two\n' },
  });
  await feedItems(flow, 'FLOW.in', passing(4));
  await using enricher = await startStation(flow, 'name');
  const { reason } = await enricher.until(({ state }) => state === 'held');
  assert.equal(reason?.code, 'LOOKUP_UNAVAILABLE');
  assert.equal((await enricher.get('/ready')).status, 503);
  assert.equal((await committed(flow, 'name'))[0]?.offset, 0, 'nothing is judged while it holds');

  await using extractor = await startStation(flow, 'names');
  await drained(flow, 'name');
  await enricher.running();
  assert.equal((await records(flow, 'FLOW.out')).length, 3);
  const [letter, ...others] = await records(flow, deadLetterTopic('FLOW.in'));
  assert.equal(others.length, 0);
  assert.equal(letter?.key?.toString(), 'r-3');
  assert.equal(letter?.headers['quadrille.fault.code']?.toString(), 'LOOKUP_MISSING');
  await assertBalanced(flow);
  await extractor.stop();
});
