import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { Replay } from '@quadrille/replay/api';
import { sparkline } from '../print/sparkline.ts';
import { ReplayClient, ServiceError } from './client.ts';
import { changeLines, changesOf } from './difference.ts';
import { mustBeKnown } from './known.ts';
import { rampOf } from './numbers.ts';
import { openCorrectionRule } from './rule.ts';
import { lettersNamed, queryOf, selectionOf, unsettled } from './selection.ts';
import { ending, exitOf } from './watch.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');

test('flags as a selection, and as a query', () => {
  const options = { topic: 'dlq.f.in', code: 'field_invalid', offsets: '5-9', since: '1h', state: 'open,resolved' };
  const selection = selectionOf(options, undefined, NOW);
  assert.deepEqual(selection, {
    topic: 'f.in',
    code: 'FIELD_INVALID',
    offsets: { from: 5, to: 9 },
    since: '2026-05-01T11:00:00.000Z',
    states: ['open', 'resolved'],
  });
  assert.equal(queryOf(selection).offsets, '5-9');
  assert.deepEqual(unsettled({}), { states: ['open', 'corrected', 'replaying'] });
  assert.deepEqual(unsettled({ state: 'discarded' }), { states: ['discarded'] });
  assert.throws(() => selectionOf({ state: 'gone' }), { code: 'USAGE' });
  assert.deepEqual(rampOf('1, 10,100'), [1, 10, 100]);
  for (const wrong of ['', '0', '1,x', '-1']) assert.throws(() => rampOf(wrong), { code: 'USAGE' });
});

/** What the service has, by a condition of the query. */
const FOUND: [string, { id: string }[]][] = [
  ['prefix=abcd', [{ id: 'abcd00000001' }, { id: 'abcd00000002' }]],
  ['record=20130101', [{ id: 'ffff00000003' }]],
];

const FLOWS = [{ name: 'flights', stations: [{ name: 'locate', kind: 'enricher', from: 'f.in', to: 'f.out' }] }];

test('a service that refuses is heard with code and help; one that is not there is said to be away', async () => {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    const page = request.url!.startsWith('/v1/dead-letters?');
    const status = request.url === '/v1/status';
    answer.writeHead(page || status ? 200 : 403, { 'content-type': 'application/json', connection: 'close' });
    if (status) return void answer.end(JSON.stringify({ flows: FLOWS }));
    answer.end(
      JSON.stringify(
        page
          ? {
              items: FOUND.find(([condition]) => request.url!.includes(condition))?.[1] ?? [],
              cursor: null,
            }
          : { errors: [{ code: 'NOT_ALLOWED', message: 'the token does not allow this', help: 'ask for another' }] },
      ),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = new ReplayClient(`http://127.0.0.1:${port}/`, 'secret', new AbortController().signal);
  try {
    await assert.rejects(client.post('/v1/discards', {}), (error) => {
      assert.ok(error instanceof ServiceError && error.has('NOT_ALLOWED'));
      assert.match(error.format(), /^NOT_ALLOWED: the token .*\n {2}help: ask for another$/);
      return true;
    });
    assert.equal(asked[0], 'POST /v1/discards Bearer secret');
    await assert.rejects(lettersNamed(client, ['abcd']), { code: 'USAGE' });
    assert.deepEqual(
      await lettersNamed(client, ['20130101']),
      [{ id: 'ffff00000003' }],
      'a record whose id is a number',
    );
    await assert.rejects(lettersNamed(client, ['123456']), { code: 'NOT_FOUND' });
    await mustBeKnown(client, { flow: 'flights', station: 'locate', topic: 'f.out' });
    await assert.rejects(mustBeKnown(client, { station: 'loacte' }), {
      code: 'NOT_FOUND',
      help: 'did you mean `locate`?',
    });
    await assert.rejects(mustBeKnown(client, { flow: 'x' }), { code: 'NOT_FOUND', help: 'there are flights' });
    await assert.rejects(lettersNamed(client, ['x/y']), { code: 'NOT_FOUND' });
    assert.match(asked.at(-1)!, /record=x%2Fy/);
    await assert.rejects(lettersNamed(client, ['dlq.f.in[3]@12']), { code: 'NOT_FOUND' });
    assert.match(asked.at(-1)!, /topic=f\.in&partition=3&offsets=12-12/);
  } finally {
    server.close();
    await once(server, 'close');
  }
  await assert.rejects(
    client.get('/v1/status'),
    (error) => error instanceof Fault && error.code === 'REPLAY_UNAVAILABLE',
  );
});

const SCHEMA = {
  type: 'record',
  name: 'R',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: ['null', 'int'], default: null },
  ],
};

test('corrections by a rule in TypeScript, and by a JSON Patch; one that throws leaves the record alone', async () => {
  const folder = mkdtempSync(join(import.meta.dirname, '..', '..', '.rule-'));
  try {
    writeFileSync(
      join(folder, 'mend.ts'),
      `import { rule } from '@quadrille/flow';
       export default rule({ doc: 'x', examples: [], apply(r: any) { if (r.id === 'bad') throw new Error('no'); return { ...r, n: 7 }; } });`,
    );
    writeFileSync(join(folder, 'patch.json'), JSON.stringify([{ op: 'replace', path: '/n', value: 3 }]));
    const values = [
      { id: 'a', n: null },
      { id: 'bad', n: 1 },
    ];
    const rule = openCorrectionRule('mend.ts', folder);
    const [mended, left] = await rule.apply(SCHEMA, values);
    await rule.close();
    assert.deepEqual(mended, { value: { id: 'a', n: 7 } });
    assert.ok('problem' in left! && left.problem.code === 'RULE_THREW');
    const patch = openCorrectionRule('patch.json', folder);
    assert.deepEqual(await patch.apply(SCHEMA, values), [{ value: { id: 'a', n: 3 } }, { value: { id: 'bad', n: 3 } }]);
    assert.deepEqual(values[0], { id: 'a', n: null }, 'what was given stays as it was');
    for (const wrong of [
      '{}',
      '[{"op":"replace","path":"n","value":3}]',
      '[{"op":"set","path":"/n"}]',
      '[{"op":"copy","path":"/n"}]',
    ]) {
      writeFileSync(join(folder, 'no.json'), wrong);
      assert.throws(() => openCorrectionRule('no.json', folder), { code: 'RULE_INVALID' }, wrong);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('differences, endings and trends are told in a line', () => {
  assert.deepEqual(changeLines(changesOf({ a: 1, b: { c: 'x' } }, { a: 1, b: { c: 'y' }, d: null })), [
    'b.c: "x" → "y"',
    'd: absent → null',
  ]);
  assert.equal(sparkline([0, 1, 8]), ' ▁█');
  const replay = {
    id: 'f-1',
    kind: 'replay',
    state: 'done',
    records: 3,
    passed: 2,
    dropped: 0,
    rejected: 1,
    withdrawn: 0,
    outcomes: { written: 2 },
    fault: null,
  } as unknown as Replay;
  assert.equal(ending(replay), 'f-1: replay of 3 done: 2 passed, 1 failed again; further down 2 written');
  assert.equal(exitOf([replay]), 3);
  assert.equal(exitOf([{ ...replay, rejected: 0 }]), 0);
  assert.equal(exitOf([{ ...replay, state: 'cancelled' }]), 2);
});
