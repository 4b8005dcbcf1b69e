import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldsOf } from '../avro/field.ts';
import type { Target, TargetRow } from '../target.ts';
import { postgres } from './postgres.ts';
import { faultOf, field, logical, type Opened, optional, options, prepare, row } from './postgres-fixture.ts';

const FIELDS = [field('price', 'int'), optional('since', logical('int', 'date'))];
const HISTORY = { mode: 'history', validFrom: 'since' } as const;
const at = (id: string, version: number, since: string | null): TargetRow =>
  row(id, { price: version, since }, BigInt(version));
const day = (date: Date | null): string => date?.toISOString().slice(0, 10) ?? '…';

async function periods({ db, table }: Opened, id: string): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT _version, _valid_from, _valid_to, _deleted FROM ${table} WHERE _id = $1 ORDER BY _version`,
    [id],
  );
  return rows.map(
    ({ _version, _valid_from, _valid_to, _deleted }) =>
      `${_version} ${day(_valid_from)} ${day(_valid_to)}${_deleted ? ' deleted' : ''}`,
  );
}

describe('target postgres, mode history', options, () => {
  test('each version holds until the next one; a late one is put in its place', async (t) => {
    const opened = await prepare(t, FIELDS, { config: HISTORY });
    const { target } = opened;
    await target.write([at('a', 1, '2013-01-01'), at('a', 5, '2013-05-01')]);
    assert.deepEqual(await periods(opened, 'a'), ['1 2013-01-01 2013-05-01', '5 2013-05-01 …']);
    await target.write([at('a', 3, '2013-03-01')]);
    assert.deepEqual(await periods(opened, 'a'), [
      '1 2013-01-01 2013-03-01',
      '3 2013-03-01 2013-05-01',
      '5 2013-05-01 …',
    ]);
  });

  test('a deletion ends the version before it, by the time of its record, and holds', async (t) => {
    const opened = await prepare(t, FIELDS, { config: HISTORY });
    await opened.target.write([at('a', 1, '2013-01-01'), row('a', null, 2n)]);
    assert.deepEqual(await periods(opened, 'a'), ['1 2013-01-01 2023-11-14', '2 2023-11-14 … deleted']);
    await opened.target.write([at('a', 4, '2024-01-01')]);
    assert.deepEqual((await periods(opened, 'a')).slice(1), ['2 2023-11-14 2024-01-01 deleted', '4 2024-01-01 …']);
  });

  test('periods of an id never overlap, whatever times the versions bring', async (t) => {
    const opened = await prepare(t, FIELDS, { config: HISTORY });
    const rows = [10, 2, 7, 7, 28, 1, 15].map((since, i) =>
      at('a', i + 1, `2013-01-${String(since).padStart(2, '0')}`),
    );
    for (const each of rows.toSorted(() => Math.random() - 0.5)) await opened.target.write([each]);
    const { rows: overlaps } = await opened.db.query(
      `SELECT a._version, b._version FROM ${opened.table} a JOIN ${opened.table} b ON a._version < b._version
       WHERE tstzrange(a._valid_from, a._valid_to) && tstzrange(b._valid_from, b._valid_to)`,
    );
    assert.deepEqual(overlaps, []);
    assert.deepEqual((await periods(opened, 'a')).slice(-2), ['6 2013-01-01 2013-01-15', '7 2013-01-15 …']);
  });

  test('two that add versions of one id beside each other leave one that holds', async (t) => {
    const opened = await prepare(t, FIELDS, { config: HISTORY });
    const other = opened.create(FIELDS, HISTORY);
    await other.open();
    const versions = Array.from({ length: 40 }, (_, i) => at('a', i + 1, `2013-01-01`));
    const write = async (to: Target, rows: TargetRow[]): Promise<void> => {
      for (const each of rows) await to.write([each]);
    };
    await Promise.all([write(opened.target, versions.slice(0, 20)), write(other, versions.slice(20))]);
    const open = (await periods(opened, 'a')).filter((line) => line.endsWith('…'));
    assert.deepEqual(open, ['40 2013-01-01 …']);
  });

  test('a table of another mode is told apart', async (t) => {
    const { create } = await prepare(t, FIELDS);
    const fault = await faultOf(create(FIELDS, HISTORY).open());
    assert.equal(fault.code, 'TARGET_SCHEMA');
    assert.match(
      fault.message,
      /column _valid_from .* is missing; .*_id, _version have no primary key or unique index/,
    );
    assert.match(
      (await faultOf(create(FIELDS, { mode: 'append' }).open())).message,
      /_id, _version, _revision have no/,
    );
  });
});

test('validFrom names a date or timestamp, in mode history only', () => {
  const fields = fieldsOf({ type: 'record', name: 'Row', fields: FIELDS });
  const problems = (config: object): string[] =>
    postgres.check?.({ table: 't', ...config }, fields).map(({ what }) => what) ?? [];
  assert.deepEqual(problems({ mode: 'history', validFrom: 'since' }), []);
  assert.deepEqual(problems({ mode: 'history', validFrom: 'price' }), ['`price` is int']);
  assert.deepEqual(problems({ validFrom: 'x' }), ['`validFrom` means nothing without `mode: history`']);
  assert.deepEqual(problems({ mode: 'history', validFrom: 'x' }), ['there is no field `x`']);
});
