import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { field } from '../rules/fields.fixture.ts';
import { aggregateOf, type Gathered } from './aggregates.ts';

const money = field('m', 'decimal', { precision: 5, scale: 2 });
const over = (aggregate: ReturnType<typeof aggregateOf>, values: readonly unknown[]): unknown =>
  aggregate.result(values.reduce<Gathered>((gathered, value) => aggregate.add(gathered, value), aggregate.first));

test('whole numbers and decimals are summed without rounding, nulls passed over', () => {
  const long = field('n', 'long');
  assert.equal(over(aggregateOf('sum', long, long), [1, null, Number.MAX_SAFE_INTEGER - 1]), Number.MAX_SAFE_INTEGER);
  const big = field('n', 'long', { bigint: true });
  assert.equal(over(aggregateOf('sum', big, big), [2n ** 62n, 2n ** 62n - 1n]), 2n ** 63n - 1n);
  assert.equal(over(aggregateOf('sum', money, money), ['0.10', '0.20', '-1.5']), '-1.20');
  assert.equal(over(aggregateOf('sum', money, money), [null]), null);
  assert.equal(over(aggregateOf('count', undefined, big), [1, 1]), 2n);
});

test('a value that makes a sum too large is its own record’s fault', () => {
  const [int, long] = [field('n', 'int'), field('n', 'long')];
  const tooMuch = (error: unknown): boolean => error instanceof Fault && error.code === 'FIELD_INVALID';
  assert.throws(() => over(aggregateOf('sum', int, int), [2_147_483_647, 1]), tooMuch);
  assert.throws(() => over(aggregateOf('sum', long, long), [Number.MAX_SAFE_INTEGER, 1]), tooMuch);
  assert.throws(() => over(aggregateOf('sum', money, money), ['999.99', '0.01']), tooMuch);
});

test('least and greatest by value: of decimals as numbers, of texts and instants as they are', () => {
  assert.equal(over(aggregateOf('max', money, money), ['9.00', '10.00', null, '-11.00']), '10.00');
  assert.equal(over(aggregateOf('min', money, money), ['9.00', '10.00', '-11.00']), '-11.00');
  const text = field('t', 'string');
  assert.equal(over(aggregateOf('min', text, text), ['b', 'a', null]), 'a');
  assert.equal(over(aggregateOf('avg', field('n', 'int'), field('a', 'double')), [1, 2, null]), 1.5);
});
