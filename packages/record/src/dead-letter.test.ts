import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterHeaders, fingerprint } from './dead-letter.ts';
import { asFault, Fault } from './fault.ts';
import { InputRecord } from './record.ts';
import { reject } from './verdict.ts';

const BY = { group: 'f.s', station: 's', service: '1.2.3' };
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const record = (headers?: InputRecord['headers']) =>
  new InputRecord('in', 3, 70, 1, null, Buffer.of(1), undefined, headers);

test('headers of others are kept byte for byte, ours say where and why', () => {
  const bytes = Buffer.of(0, 255);
  const headers = deadLetterHeaders(
    record({ foreign: bytes, none: undefined }),
    reject('BAD', 'bad', { field: 'a.b' }),
    BY,
    NOW,
  );
  assert.equal(headers.foreign, bytes);
  assert.ok(!('none' in headers));
  assert.deepEqual(
    { ...headers, foreign: '', 'quadrille.fault.fingerprint': '' },
    {
      foreign: '',
      '__dlq.errors.topic': 'in',
      '__dlq.errors.partition': '3',
      '__dlq.errors.offset': '70',
      '__dlq.errors.group': 'f.s',
      '__dlq.errors.delivery.count': '1',
      '__dlq.errors.message': 'rule rejected the record: bad',
      'quadrille.fault.code': 'BAD',
      'quadrille.fault.class': 'rule',
      'quadrille.fault.station': 's',
      'quadrille.fault.field': 'a.b',
      'quadrille.fault.fingerprint': '',
      'quadrille.fault.first': '2026-01-02T03:04:05.000Z',
      'quadrille.fault.last': '2026-01-02T03:04:05.000Z',
      'quadrille.fault.service': '1.2.3',
    },
  );
});

test('a header that stands several times does so in the dead letter', () => {
  const values = [Buffer.of(1), Buffer.of(2)];
  assert.deepEqual(deadLetterHeaders(record({ many: values }), reject('BAD', 'bad'), BY, NOW).many, values);
});

test('failing again keeps the original position and first time, counts, and replaces the rest: never grown', () => {
  const first = deadLetterHeaders(record({ foreign: 'x' }), reject('BAD', 'bad', { field: 'a' }), BY, NOW);
  const replayed = new InputRecord('replay.f.s', 0, 5, 1, null, Buffer.of(1), undefined, first);
  const second = deadLetterHeaders(replayed, reject('WORSE', 'worse'), BY, NOW + 60_000);
  assert.equal(second['__dlq.errors.topic'], 'in');
  assert.equal(second['__dlq.errors.offset'], '70');
  assert.equal(second['__dlq.errors.delivery.count'], '2');
  assert.equal(second['quadrille.fault.code'], 'WORSE');
  assert.equal(second['quadrille.fault.first'], '2026-01-02T03:04:05.000Z');
  assert.equal(second['quadrille.fault.last'], '2026-01-02T03:05:05.000Z');
  assert.ok(!('quadrille.fault.field' in second));
  assert.equal(second.foreign, 'x');
});

test('the fingerprint is of station, code, field and the first own frame, never of the message', () => {
  const thrown = (message: string): Fault =>
    asFault(
      Object.assign(new Error(message), { stack: `Error: ${message}\n    at apply (/x/rules/a.ts:3:7)` }),
      'RULE_THREW',
    );
  assert.equal(fingerprint('s', thrown('one')), fingerprint('s', thrown('two')));
  assert.notEqual(fingerprint('s', thrown('one')), fingerprint('t', thrown('one')));
  assert.notEqual(fingerprint('s', reject('AA', '')), fingerprint('s', reject('BB', '')));
  assert.notEqual(
    fingerprint('s', reject('AA', '', { field: 'x' })),
    fingerprint('s', reject('AA', '', { field: 'y' })),
  );
});

test('the stack is capped, and holds neither message nor frames of Node or packages', () => {
  const own = Array.from({ length: 200 }, (_, i) => `    at step${i} (/x/rules/a.ts:${i}:1)`);
  const stack = [
    'Error: secret value',
    '    at node:internal/x:1:1',
    '    at y (/p/node_modules/z/z.js:1:1)',
    ...own,
  ].join('\n');
  const headers = deadLetterHeaders(
    record(),
    asFault(Object.assign(new Error('secret value'), { stack }), 'RULE_THREW'),
    BY,
    NOW,
  );
  const text = String(headers['quadrille.fault.stack']);
  assert.ok(text.length <= 2_000);
  assert.match(text, /^at step0 \(\/x\/rules\/a\.ts:0:1\)/);
  assert.doesNotMatch(text, /secret|node:|node_modules/);
});

test('a message is cut at a thousand characters', () => {
  const headers = deadLetterHeaders(record(), new Fault('RULE_THREW', 'x'.repeat(5_000)), BY, NOW);
  assert.equal(String(headers['__dlq.errors.message']).length, 1_000);
});
