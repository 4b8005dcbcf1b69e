/** Whatever goes wrong with records, and however much is logged: their content is in dead letters alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic } from '@quadrille/record';
import { guardAgainstLeaks, noServers, records, until } from '../harness/index.ts';
import { startChain } from './chain.ts';

guardAgainstLeaks();

const MARK = 'p4yl0ad';
/** Of every kind; so many of one that the extractor's line stops. */
const ROWS = [
  `${MARK}-pass,pass,1`,
  `${MARK}-reject,reject,2`,
  `${MARK}-throw,throw,3`,
  `${MARK}-long,pass,4,${MARK}`,
  ...Array.from({ length: 60 }, (_, n) => `${MARK}-${n},${MARK},${MARK}`),
];

test('no log line of any process holds what stands in a record; all of them are JSON, and say whose they are', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(ROWS, { QUADRILLE_LOG: 'trace' });
  const { stations, service, flow } = chain;
  await stations.get('read')!.until(({ state }) => state === 'paused');
  await chain.settled({ read: 50, judge: 3, store: 1 });
  // What no station can decode.
  await flow.clients.producer.send({
    topic: `${flow.name}.read`,
    acks: -1,
    messages: [{ key: `${MARK}-key`, value: `${MARK}-bytes`, partition: 0, headers: { own: MARK }, timestamp: '1' }],
  });
  await stations.get('judge')!.until(({ totals }) => totals.rejected === 3);
  const letters = await until('all dead letters', async () => {
    const all = (await records(flow, deadLetterTopic(`${flow.name}.read`))).filter(({ key, value }) =>
      `${key} ${value}`.includes(MARK),
    );
    return all.length > 50 && all;
  });
  assert.ok(letters.length > 50, 'it is in the dead letters');
  const { id } = await service!.replay({ deadLetters: { station: 'judge' }, reason: 'test' });
  await service!.over(id);

  const lines = [...[...stations.values()].flatMap(({ output }) => output), ...service!.output];
  assert.deepEqual(
    lines.filter((line) => line.includes(MARK)),
    [],
  );
  assert.ok(lines.length > 20);
  const own = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const line of own) {
    assert.ok(line.station !== undefined || line.service === 'replay', JSON.stringify(line));
    assert.match(String(line.time), /^\d{4}-\d\d-\d\dT/);
  }
  const assigned = own.filter(({ msg, station }) => msg === 'partitions assigned' && station === 'judge');
  assert.ok(assigned.some(({ topic, partitions }) => topic === `${flow.name}.read` && Array.isArray(partitions)));
  const stopped = own.find(({ code }) => code === 'LINE_STOPPED');
  assert.equal(stopped?.station, 'read');
});
