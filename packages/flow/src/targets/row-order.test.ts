import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TargetRow } from '../target.ts';
import { foldRows, outcomeAgainst } from './row-order.ts';

const row = (given: Partial<Omit<TargetRow, 'bytes'>> & { bytes?: string | null } = {}): TargetRow => {
  const { bytes = 'x', ...rest } = given;
  const value = bytes === null ? null : {};
  return {
    id: 'a',
    version: 1n,
    revision: 0,
    topic: 't',
    partition: 0,
    offset: 5,
    timestamp: 0,
    value,
    ...rest,
    bytes: bytes === null ? null : Buffer.from(bytes),
  };
};

describe('which row stands', () => {
  test('version before revision before offset; equal content is unchanged wherever it comes from', () => {
    const standing = row({ version: 2n, revision: 1 });
    const cases: [Partial<TargetRow>, boolean, string][] = [
      [{ version: 3n, revision: 0, offset: 0 }, false, 'written'],
      [{ version: 1n, revision: 9, offset: 9 }, true, 'superseded'],
      [{ version: 2n, revision: 2, partition: 4 }, true, 'written'],
      [{ version: 2n, revision: 0, offset: 9 }, false, 'superseded'],
      [{ version: 2n, revision: 1, offset: 9 }, true, 'unchanged'],
      [{ version: 2n, revision: 1, partition: 4, topic: 'u' }, true, 'unchanged'],
      [{ version: 2n, revision: 1, offset: 6 }, false, 'written'],
      [{ version: 2n, revision: 1, offset: 4 }, false, 'superseded'],
      [{ version: 2n, revision: 1, offset: 5 }, false, 'conflict'],
      [{ version: 2n, revision: 1, offset: 6, partition: 1 }, false, 'conflict'],
      [{ version: 2n, revision: 1, offset: 6, topic: 'u' }, false, 'conflict'],
    ];
    for (const [given, same, outcome] of cases) {
      assert.equal(
        outcomeAgainst(standing, row(given as never), same),
        outcome,
        JSON.stringify(given, (_, part) => (typeof part === 'bigint' ? String(part) : part)),
      );
    }
  });

  test('versions beyond 2^53 are compared exactly', () => {
    const standing = row({ version: (1n << 62n) + 1n });
    assert.equal(outcomeAgainst(standing, row({ version: (1n << 62n) + 2n }), false), 'written');
    assert.equal(outcomeAgainst(standing, row({ version: 1n << 62n }), false), 'superseded');
  });

  test('a batch is folded to one row an id, in order of ids', () => {
    const rows = [
      row({ id: 'b', version: 2n }),
      row({ id: 'a' }),
      row({ id: 'b', version: 1n }),
      row({ id: 'b', version: 3n }),
      row({ id: 'a' }),
      row({ id: 'B' }),
    ];
    const { winners, winnerOf, outcomes } = foldRows(rows);
    assert.deepEqual(winners, [rows[5], rows[1], rows[3]]);
    assert.deepEqual([...winnerOf], [2, 1, 2, 2, 1, 0]);
    assert.deepEqual(outcomes, ['superseded', 'written', 'superseded', 'written', 'unchanged', 'written']);
  });

  test('deletions fold like other rows', () => {
    const { winners, outcomes } = foldRows([row({ bytes: null }), row({ bytes: null, offset: 6 }), row({ offset: 7 })]);
    assert.deepEqual(outcomes, ['superseded', 'unchanged', 'written']);
    assert.equal(winners[0]?.offset, 7);
  });
});
