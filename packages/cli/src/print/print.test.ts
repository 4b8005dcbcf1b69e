import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Context } from '../command.ts';
import { wantsColour } from './colour.ts';
import { formatOf, printRows, toJson } from './output.ts';
import { letterLine, replayTable } from './reconciliation.ts';
import { fit, tableLines } from './table.ts';
import { age, count, printable, span } from './values.ts';

describe('values', () => {
  test('spans in their two largest units', () => {
    const minute = 60_000;
    assert.deepEqual(
      [0, 999, 59_999, minute, 61_000, 10 * minute + 5_000, 3 * 60 * minute + 4 * minute, 26 * 60 * minute].map(span),
      ['0s', '0s', '59s', '1m', '1m1s', '10m', '3h4m', '1d2h'],
    );
    assert.equal(span(-5), '0s');
    assert.equal(age(null), undefined);
    assert.equal(age(1_000, 3_500), '2s');
  });

  test('numbers are grouped, control characters cannot steer a terminal', () => {
    assert.equal(count(1234567), '1,234,567');
    assert.equal(printable('a\u001b[31mb\nc\u009b'), 'a\ufffd[31mb c\ufffd');
  });
});

describe('tables', () => {
  const columns = [
    { name: 'NAME', of: (row: { name: string; lag: number | null }) => row.name },
    { name: 'LAG', of: (row: { lag: number | null }) => row.lag },
    { name: 'MORE', of: () => '', wide: true as const },
  ];

  test('numbers stand right, empty cells are told, no line ends in blanks', () => {
    const rows = [
      { name: 'a', lag: 1234 },
      { name: 'longer', lag: null },
    ];
    assert.deepEqual(tableLines(columns, rows), ['NAME       LAG', 'a        1,234', 'longer  <none>']);
    assert.deepEqual(tableLines(columns, rows, true)[1], 'a        1,234  <none>');
  });

  test('lines are cut to a width', () => {
    assert.equal(fit('abcdef', 4), 'abc…');
    assert.equal(fit('abc', 4), 'abc');
  });

  test('-o table, wide, json and jsonl print the same rows', () => {
    const print = (
      output: string | undefined,
      rows: { name: string; lag: number | null }[],
    ): { out: string; err: string } => {
      let out = '';
      let err = '';
      const context = {
        out: (text: string) => {
          out += text;
        },
        err: (line: string) => {
          err += `${line}\n`;
        },
      } as unknown as Context;
      printRows(context, output === undefined ? {} : { output }, columns, rows);
      return { out, err };
    };
    const rows = [{ name: 'a', lag: 1 }];
    assert.equal(print(undefined, rows).out, 'NAME  LAG\na       1\n');
    assert.deepEqual(JSON.parse(print('json', rows).out), rows);
    assert.equal(print('jsonl', rows).out, '{"name":"a","lag":1}\n');
    assert.deepEqual(print('table', []), { out: '', err: 'nothing found\n' });
    assert.deepEqual(print('json', []), { out: '[]\n', err: '' });
    assert.throws(() => formatOf({ output: 'xml' }), /-o xml/);
  });

  test('what JSON cannot hold is told as text', () => {
    assert.equal(toJson({ a: 2n ** 60n, b: Buffer.from('hi') }), '{"a":"1152921504606846976","b":"aGk="}');
  });
});

test('colours: the flag over NO_COLOR over the terminal', () => {
  assert.equal(wantsColour(undefined, {}, true), true);
  assert.equal(wantsColour(undefined, {}, false), false);
  assert.equal(wantsColour(undefined, { NO_COLOR: '1' }, true), false);
  assert.equal(wantsColour(undefined, { NO_COLOR: '' }, true), true);
  assert.equal(wantsColour('always', { NO_COLOR: '1' }, false), true);
  assert.equal(wantsColour('never', {}, true), false);
});

test('what was replayed is told where something was, dead letters by the states that occur', () => {
  const replays = { received: 5, previewed: 2, passed: 2, dropped: 0, rejected: 1, inFlight: 0 };
  const none = { received: 0, previewed: 0, passed: 0, dropped: 0, rejected: 0, inFlight: 0 };
  assert.deepEqual(replayTable({ quiet: { replays: none } }), []);
  assert.deepEqual(replayTable({ quiet: { replays: none }, locate: { replays } }), [
    'STATION  REPLAYED  DRY-RUN  PASSED  DROPPED  REJECTED  IN-FLIGHT',
    'locate          5        2       2        0         1          0',
  ]);
  assert.equal(
    letterLine({ open: 0, corrected: 0, replaying: 0, resolved: 1_679, discarded: 0 }),
    'dead letters: 0 open, 1,679 resolved',
  );
});
