import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawing, record } from './record.ts';

test('commands are shown with what they print, comments alone, values of hidden ones where they are named', async () => {
  const ran: string[] = [];
  const lines = await record(['# look', 'ID=first', 'show $ID'], async function* (command, values) {
    ran.push(command);
    yield { text: command === 'first' ? '3f2a\n' : `one of ${values.ID}\ntw`, after: 60_000 };
    if (command !== 'first') yield { text: 'o', after: 0 };
  });
  assert.deepEqual(ran, ['first', 'show $ID']);
  assert.deepEqual(
    lines.map(({ text, typed }) => [text, typed]),
    [
      ['# look', true],
      ['', false],
      ['$ show 3f2a', true],
      ['one of 3f2a', false],
      ['two', false],
    ],
  );
  assert.ok(lines[3]!.at - lines[2]!.at <= 1_500, 'nobody waits for a minute');
  assert.ok(
    lines.every(({ at }, i) => i === 0 || at >= lines[i - 1]!.at),
    'in order of time',
  );
});

test('what was printed cannot be markup', () => {
  const svg = drawing([{ text: '<script>&', typed: false, at: 0 }]);
  assert.match(svg, /&lt;script&gt;&amp;/);
  assert.doesNotMatch(svg, /<script/);
});
