import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadyRule } from '@quadrille/flow';
import { Drop, drop, Fault, reject, to } from '@quadrille/record';
import { applyRules } from './transform.ts';

type Value = Record<string, unknown>;
const ruleOf = (apply: (value: Value) => unknown): ReadyRule => ({
  name: 'rule',
  to: ['aside'],
  apply: (values) => values.map(apply) as never,
  close: async () => {},
});

test('what is sent to a topic is past the rules that follow; all else goes through them, and back to its place', async () => {
  const first = ruleOf(({ n }) => {
    if (n === 0) return to('aside', { n: 0 });
    if (n === 1) return [{ n: 10 }, to('aside', { n: 11 }), { n: 12 }];
    if (n === 2) return drop('OUT');
    if (n === 3) return [to('aside', { n: 30 })];
    return { n };
  });
  const seen: unknown[] = [];
  const second = ruleOf((value) => {
    seen.push(value.n);
    return { n: -(value.n as number) };
  });
  const results = await applyRules(
    [first, second],
    [0, 1, 2, 3, 4].map((n) => ({ n })),
  );
  assert.deepEqual(seen, [10, 12, 4]);
  assert.deepEqual(results, [
    to('aside', { n: 0 }),
    [{ n: -10 }, to('aside', { n: 11 }), { n: -12 }],
    drop('OUT'),
    [to('aside', { n: 30 })],
    { n: -4 },
  ]);
});

test('of several outputs a fault rejects the record, also what was sent to a topic; drops leave the rest', async () => {
  const first = ruleOf(({ n }) => [{ n }, to('aside', { n }), { n: -1 }]);
  const second = ruleOf(({ n }) => {
    if (n === 1) return reject('BAD', 'is bad');
    return n === -1 || n === 2 ? drop('OUT') : { n };
  });
  const [bad, sent, kept] = await applyRules([first, second], [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assert.ok(bad instanceof Fault && bad.code === 'BAD');
  assert.deepEqual(sent, [to('aside', { n: 2 })]);
  assert.deepEqual(kept, [{ n: 3 }, to('aside', { n: 3 })]);
  assert.ok(!(kept instanceof Drop));
});
