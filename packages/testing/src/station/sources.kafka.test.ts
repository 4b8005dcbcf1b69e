import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { deadLetterTopic, HEADER, packHeader, unpackHeader } from '@quadrille/record';
import {
  assertBalanced,
  type FlowFixture,
  flowFixture,
  guardAgainstLeaks,
  noServers,
  records,
  startStation,
  until,
} from '../harness/index.ts';
import { say } from './orders.ts';
import { encoded } from './sample.ts';

guardAgainstLeaks();

const FLOW = `
flow: FLOW
topics: { FLOW.read: { partitions: 2 } }
stations:
  read:
    extractor: { type: csv, path: data/*.csv, id: "{id}" }
    to: FLOW.read
`;
const READ = {
  type: 'record',
  name: 'Read',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int' },
  ],
};
const csv = (count: number, from = 0): string =>
  `id,n\n${Array.from({ length: count }, (_, i) => `r${from + i},${i}\n`).join('')}`;

const reading = (data: Record<string, string | Uint8Array>): Promise<FlowFixture> =>
  flowFixture({ files: { 'flow.yaml': FLOW, ...data }, schemas: { 'FLOW.read': READ } });

test('a row that cannot be read is a dead letter with its bytes, file and line; the others pass', {
  skip: noServers,
}, async () => {
  const rows = ['id,n', 'a,1', 'b,not a number', 'c,3,too many', ',4', 'd,5'];
  await using flow = await reading({
    'data/a.csv': Buffer.concat([Buffer.from(`${rows.join('\n')}\n`), Buffer.from([0x65, 0xff, 0x2c, 0x36, 0x0a])]),
  });
  await using station = await startStation(flow, 'read');
  await station.until(({ exhausted, totals }) => exhausted === true && totals.passed + totals.rejected === 6);

  const dead = await records(flow, deadLetterTopic('FLOW.read'));
  const text = (record: (typeof dead)[number], name: string): string => record.headers[name]?.toString() ?? '';
  const by = new Map(dead.map((letter) => [/:(\d+)/.exec(text(letter, 'quadrille.fault.place'))?.[1], letter]));
  assert.deepEqual([...by.keys()].sort(), ['3', '4', '5', '7']);
  assert.equal(text(by.get('3')!, 'quadrille.fault.code'), 'FIELD_INVALID');
  assert.equal(text(by.get('3')!, 'quadrille.fault.field'), 'n');
  assert.deepEqual(JSON.parse(by.get('3')!.value!.toString()), { id: 'b', n: 'not a number' });
  assert.equal(text(by.get('4')!, 'quadrille.fault.code'), 'ROW_COLUMNS');
  assert.equal(by.get('4')!.value!.toString(), 'c,3,too many');
  assert.equal(text(by.get('7')!, 'quadrille.fault.code'), 'TEXT_INVALID');
  for (const letter of dead) assert.match(text(letter, 'quadrille.fault.place'), /data\/a\.csv:\d+/);
  assert.deepEqual((await records(flow, 'FLOW.read')).map(({ key }) => key?.toString()).sort(), ['a', 'd']);
  const { stations } = await assertBalanced(flow);
  assert.equal(stations.read?.rejected, 4);
});

test('killed while it reads, it goes on where it was; a second start has nothing to do; `again` reads all anew', {
  skip: noServers,
}, async () => {
  await using flow = await reading({ 'data/a.csv': csv(20_000), 'data/b.csv': csv(20_000, 20_000) });
  const first = await startStation(flow, 'read');
  await first.until(({ totals }) => totals.rounds > 0);
  await first.kill();
  const second = await startStation(flow, 'read');
  await second.until(({ exhausted }) => exhausted === true);
  await second.stop();
  const after = await assertBalanced(flow);
  assert.equal(after.stations.read?.passed, 40_000);

  await using third = await startStation(flow, 'read');
  await third.until(({ exhausted }) => exhausted === true);
  assert.equal(third.status?.totals.received, 0);
  await flow.write('data/c.csv', csv(10, 40_000));
  await third.until(({ totals }) => totals.passed === 10);
  await appendFile(join(flow.folder, 'data/c.csv'), 'r40010,10\nr40011,11\n');
  await third.until(({ totals }) => totals.passed === 12);

  await say(flow, { kind: 'again', pass: 'once more' });
  await third.until(({ totals, exhausted }) => totals.passed === 40_024 && exhausted === true);
  const again = await assertBalanced(flow);
  assert.equal(again.stations.read?.passed, 80_024);
});

test('a corrected row comes back through the extractor’s replay topic, under the version of its row', {
  skip: noServers,
}, async () => {
  await using flow = await reading({ 'data/a.csv': 'id,n\na,1\nb,not a number\nc,3,too many\n' });
  await using station = await startStation(flow, 'read');
  await station.until(({ exhausted, totals }) => exhausted === true && totals.rejected === 2);
  const dead = await records(flow, deadLetterTopic('FLOW.read'));
  const letterOf = (code: string) => dead.find(({ headers }) => headers['quadrille.fault.code']?.toString() === code)!;
  const [corrected] = await encoded(flow, 'FLOW.read', [{ id: 'b', n: 2 }]);
  const again = [
    { letter: letterOf('FIELD_INVALID'), value: corrected!.value },
    // Fields that had been parsed, mended as text; and a row that nobody has mended.
    { letter: letterOf('FIELD_INVALID'), value: Buffer.from(JSON.stringify({ id: 'B', n: '7' })) },
    { letter: letterOf('ROW_COLUMNS'), value: letterOf('ROW_COLUMNS').value },
  ];
  await flow.clients.producer.send({
    topic: flow.text('replay.FLOW.read'),
    acks: -1,
    messages: again.map(({ letter, value }, n) => {
      const header = letter.headers[HEADER]!;
      const envelope = { ...unpackHeader(header, null), revision: n + 1, replay: `${flow.name}-1` };
      return { key: null, value, partition: 0, headers: { ...letter.headers, [HEADER]: packHeader(envelope, false) } };
    }),
  });
  await until('both rows are there', async () => (await records(flow, 'FLOW.read')).length === 3);
  const made = (await records(flow, 'FLOW.read')).map(({ key, headers }) => {
    const { id, version, revision } = unpackHeader(headers[HEADER]!, key);
    return [id, version, revision];
  });
  assert.deepEqual(made.sort(), [
    ['B', 1n, 2],
    ['a', 0n, 0],
    ['b', 1n, 1],
  ]);
  await until('the row that nobody has mended is dead again', async () => {
    const twice = (await records(flow, deadLetterTopic('FLOW.read'))).filter(
      ({ headers }) => headers['__dlq.errors.delivery.count']?.toString() === '2',
    );
    return twice.length === 1 && twice[0]!.headers['quadrille.fault.code']?.toString() === 'ROW_MALFORMED';
  });
  await until('balanced', async () => (await assertBalanced(flow)).stations.read!.replays.received === 3);
});

test('a truncated file stops the extractor, saying so; replaced by a whole one and resumed, it is read and ready again', {
  skip: noServers,
}, async () => {
  const whole = gzipSync(csv(20_000));
  await using flow = await flowFixture({
    files: { 'flow.yaml': FLOW.replace('*.csv', '*.csv.gz'), 'data/a.csv.gz': whole.subarray(0, whole.length - 5_000) },
    schemas: { 'FLOW.read': READ },
  });
  await using station = await startStation(flow, 'read');
  const { reason } = await station.until(({ state }) => state === 'stuck');
  assert.equal(reason?.code, 'SOURCE_TRUNCATED');
  assert.match(reason!.help, /station resume/);
  assert.equal((await station.get('/ready')).status, 503);

  await flow.write('data/a.csv.gz', whole);
  await say(flow, { kind: 'resume', station: 'read' });
  await station.until(({ exhausted, totals }) => exhausted === true && totals.passed === 20_000);
  await station.running();
  assert.equal((await station.get('/ready')).status, 200);
  const { stations } = await assertBalanced(flow);
  assert.equal(stations.read?.passed, 20_000);
});
