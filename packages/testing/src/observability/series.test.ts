import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectorsOf, seriesOf } from './series.ts';

test('the selectors of an expression, with their labels, and what it groups by', () => {
  const found = selectorsOf(
    'sum by (flow, x) (rate(a_total{flow=~"$f",code="X}"}[5m:30s])) / on (flow) group_left () b:c{v!=""} > 0.5e3 and d offset 5m or vector(1)',
  );
  assert.deepEqual(
    found.selectors.map(({ name, labels, wanted }) => [name, labels, [...wanted]]),
    [
      ['a_total', ['flow', 'code'], [['code', 'X}']]],
      ['b:c', ['v'], []],
      ['d', [], []],
    ],
  );
  assert.deepEqual(found.grouped, ['flow', 'x', 'flow']);
});

test('series of the text format', () => {
  const text = '# HELP a b\n# TYPE a gauge\na{x="1",y="q}\\"uo"} 3\nb 1\n\n';
  assert.deepEqual(
    seriesOf(text).map(({ name, labels }) => [name, Object.fromEntries(labels)]),
    [
      ['a', { x: '1', y: 'q}\\"uo' }],
      ['b', {}],
    ],
  );
});
