import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import type { DeadLetter, Selection } from '../api/index.ts';
import { type Given, Letters, noServers } from './letters.fixture.ts';
import { counts, deadLetter, deadLetters, deadLettersWithValues, groups, selectIds } from './query.ts';

const code = (expected: string) => (error: unknown) => error instanceof Fault && error.code === expected;

const ids = async (letters: Letters, selection: Selection): Promise<string[]> => {
  const found: string[] = [];
  for await (const some of selectIds(letters.ground, selection)) found.push(...some);
  return found;
};

const of = ({ items }: { items: DeadLetter[] }): (string | null)[] => items.map(({ recordId }) => recordId);
const all = { limit: 100, cursor: undefined };

test('newest first, page by page, each once, also when new ones come meanwhile', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  // Several at one moment.
  const given = Array.from({ length: 25 }, (_, i): Given => ({ id: `r${i}`, offset: i, minute: Math.floor(i / 4) }));
  await letters.add(...given);
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; ; page++) {
    const found = await deadLetters(letters.ground, {}, { limit: 7, cursor });
    seen.push(...found.items.map(({ recordId }) => recordId!));
    if (page === 0) await letters.add({ id: 'late', offset: 100, minute: 500 });
    if (found.cursor === null) break;
    cursor = found.cursor;
    assert.equal(found.items.length, 7);
  }
  assert.deepEqual([...seen].sort(), given.map(({ id }) => id).sort());
  const minutes = seen.map((id) => Math.floor(Number(id.slice(1)) / 4));
  assert.deepEqual(
    minutes,
    [...minutes].sort((a, b) => b - a),
  );
  await assert.rejects(deadLetters(letters.ground, {}, { limit: 1, cursor: 'bm8' }), code('REQUEST_INVALID'));
});

test('every condition narrows, and all hold together', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { ground, topic } = letters;
  const [a] = await letters.add(
    { id: 'a', offset: 0, n: 1 },
    { id: 'b', offset: 1, n: 20, code: 'OTHER', fingerprint: '00000000000000b2' },
    { id: 'c', offset: 2, n: 30, partition: 1 },
    { id: 'd', offset: 3, n: null, station: 'second', flow: 'g' },
    { id: 'e', offset: 4, n: 40, bytes: Buffer.from('no avro') },
  );
  const cases: [Selection, string][] = [
    [{}, 'abcde'],
    [{ ids: [a!] }, 'a'],
    [{ ids: [] }, ''],
    [{ prefix: a!.slice(0, 9) }, 'a'],
    [{ prefix: a! }, 'a'],
    [{ record: 'b' }, 'b'],
    [{ key: 'c' }, 'c'],
    [{ flow: 'g' }, 'd'],
    [{ station: 'judge' }, 'abce'],
    [{ topic }, 'abcde'],
    [{ topic: `dlq.${topic}` }, 'abcde'],
    [{ topic: 'another' }, ''],
    [{ group: '00000000000000b2' }, 'b'],
    [{ group: '00000000000000b' }, 'b'],
    [{ code: 'TOO_BAD' }, 'acde'],
    [{ offsets: { from: 1, to: 2 } }, 'bc'],
    [{ partition: 1 }, 'c'],
    [{ since: '2026-01-02T00:03:00.000Z' }, 'de'],
    [{ until: '2026-01-02T00:01:00.000Z' }, 'a'],
    [{ states: ['open'] }, 'abcde'],
    [{ states: ['resolved', 'discarded'] }, ''],
    [{ where: 'n > 10' }, 'bc'],
    [{ where: 'n IS NULL' }, 'd'],
    [{ where: `"at" = TIMESTAMP '1970-01-01' AND n < 25`, code: 'TOO_BAD' }, 'a'],
    [{ code: 'OTHER', partition: 1 }, ''],
  ];
  for (const [selection, expected] of cases) {
    const told = JSON.stringify(selection);
    assert.deepEqual(
      of(await deadLetters(ground, selection, all))
        .sort()
        .join(''),
      expected,
      told,
    );
    const chosen = await deadLetters(ground, { ids: await ids(letters, selection) }, all);
    assert.deepEqual(of(chosen).sort().join(''), expected, told);
    const counted = (await groups(ground, selection)).reduce((sum, { count }) => sum + count, 0);
    assert.equal(counted, expected.length, told);
  }
  for (const where of ['n >', 'nothing = 1', '(SELECT 1) = 1'])
    await assert.rejects(ids(letters, { where }), code('SQL_INVALID'), where);
  assert.deepEqual(of(await deadLetters(ground, { where: 'n > 10' }, { limit: 1, cursor: undefined })), ['c']);
  assert.equal((await ids(letters, { limit: 2 })).length, 2);
  assert.equal((await ids(letters, { where: 'n > 0', limit: 2 })).length, 2);
});

test('by source place, topic by topic, so that what has one key stays in order', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  await letters.add(
    { id: 'c', offset: 2, partition: 1 },
    { id: 'b', offset: 9, minute: 0 },
    { id: 'a', offset: 3, minute: 5 },
  );
  const order = await ids(letters, {});
  const found = await deadLetters(letters.ground, {}, all);
  const recordOf = new Map(found.items.map(({ id, recordId }) => [id, recordId]));
  assert.deepEqual(
    order.map((id) => recordOf.get(id)),
    ['a', 'b', 'c'],
  );
});

test('groups: counts by state, attempts, first and last, the newest message', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { ground } = letters;
  const [a] = await letters.add(
    { id: 'a', offset: 0 },
    { id: 'b', offset: 1 },
    { id: 'c', offset: 2, code: 'OTHER', field: null, fingerprint: '00000000000000b2' },
  );
  await letters.add({ id: 'a', offset: 5, revision: 1 });
  await ground.database.query(
    `update dead_letter set state = 'resolved', resolved_verdict = 'pass', settled_at = now() where record_id = 'b'`,
  );
  const shown = (await groups(ground, {})).map(
    ({ code: named, field, count, states, attempts, first, last, message }) => [
      named,
      field,
      count,
      states,
      attempts,
      first.slice(11, 16),
      last.slice(11, 16),
      message,
    ],
  );
  assert.deepEqual(shown, [
    ['TOO_BAD', 'n', 2, { open: 1, resolved: 1 }, 2, '00:00', '00:05', 'message of 5'],
    ['OTHER', null, 1, { open: 1 }, 1, '00:02', '00:02', 'message of 2'],
  ]);
  // Looked up in the dead letters themselves it comes to the same.
  assert.deepEqual(await groups(ground, { since: '2000-01-01T00:00:00.000Z' }), await groups(ground, {}));
  assert.deepEqual(
    (await groups(ground, { states: ['open'], code: 'TOO_BAD' })).map(({ count, attempts }) => [count, attempts]),
    [[1, 2]],
  );
  assert.deepEqual(await counts(ground, 'f'), { open: 2, corrected: 0, replaying: 0, resolved: 1, discarded: 0 });
  assert.equal((await counts(ground, 'none')).open, 0);
  assert.deepEqual(
    (await deadLetter(ground, a!)).history.map(({ revision, message }) => [revision, message]),
    [
      [0, 'message of 0'],
      [1, 'message of 5'],
    ],
  );
});

test('failures by hour: those of the last 24, the one that runs last', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  await letters.add({ id: 'a', offset: 0 });
  await letters.ground.database.query(
    `insert into letter_hour select 'f', 'judge', '00000000000000a1', date_trunc('hour', now()) - h * interval '1 hour', h + 1
     from generate_series(0, 30) h`,
  );
  const [group] = await groups(letters.ground, {});
  assert.deepEqual(
    group!.trend,
    Array.from({ length: 24 }, (_, i) => 24 - i),
  );
});

test('one in full, by id, beginning of it, place and record id', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { ground, topic } = letters;
  const [a] = await letters.add(
    { id: 'a', offset: 0, n: 5 },
    { id: 'b', offset: 1, station: 'other' },
    { id: 'b', offset: 2 },
  );
  const detail = await deadLetter(ground, a!);
  assert.deepEqual(detail.value, { id: 'a', n: 5, at: '1970-01-01T00:00:00.000Z', secret: 's' });
  assert.deepEqual(
    detail.fields.map(({ name, type, sensitive, doc }) => [name, type, sensitive, doc]),
    [
      ['id', 'string', false, ''],
      ['n', 'int?', false, ''],
      ['at', 'timestamp-millis', false, ''],
      ['secret', 'string', true, 'Not for everybody.'],
    ],
  );
  assert.deepEqual(detail.headers, [{ name: 'other', value: 'header' }]);
  assert.deepEqual([detail.problem, detail.text, detail.before, detail.after], [null, null, [], []]);
  assert.ok(detail.schemaId !== null && (detail.schema as { name: string }).name === 'Item');
  for (const named of [a!.slice(0, 8), `dlq.${topic}[0]@0`, `${topic}[0]@1000`, 'a'])
    assert.equal((await deadLetter(ground, named)).id, a, named);
  for (const named of ['nobody', `dlq.${topic}[0]@77`, 'ffffffffffff', 'b'])
    await assert.rejects(deadLetter(ground, named), code('NOT_FOUND'), named);
});

test('values that cannot be decoded, tombstones, and items of extractors', { skip: noServers }, async () => {
  await using letters = await Letters.open();
  const { ground } = letters;
  const unknown = letters.encode({ id: 'x' });
  unknown.writeUInt32BE(2_000_000_000, 1);
  const [broken, foreign, fields, bytes, wire] = await letters.add(
    { id: 'broken', offset: 0, bytes: Buffer.from('not of ours') },
    { id: 'foreign', offset: 1, bytes: unknown },
    { id: 'fields', offset: 2, raw: true, bytes: Buffer.from('{"id":"q","n":"12x","secret":"s"}') },
    { id: 'bytes', offset: 3, raw: true, bytes: Buffer.from('"half a row') },
    { id: 'wire', offset: 4, raw: true, bytes: letters.encode({ id: 'mended' }) },
  );
  const shown = async (id: string | undefined) => {
    const { value, problem, text, schemaId } = await deadLetter(ground, id!);
    return { value, problem: problem !== null, text, schema: schemaId !== null };
  };
  // Of each there is a schema that a correction must fit.
  assert.deepEqual(await shown(broken), { value: null, problem: true, text: 'not of ours', schema: true });
  assert.equal((await shown(foreign)).problem, true);
  assert.equal((await shown(foreign)).schema, true);
  assert.deepEqual((await shown(fields)).value, { id: 'q', n: '12x', secret: 's' });
  assert.deepEqual(await shown(bytes), { value: null, problem: true, text: '"half a row', schema: true });
  assert.equal(((await shown(wire)).value as { id: string }).id, 'mended');
  const sensitive = (await deadLetter(ground, fields!)).fields.filter((field) => field.sensitive);
  assert.deepEqual(
    sensitive.map(({ name }) => name),
    ['secret'],
  );
  assert.deepEqual(await ids(letters, { where: "n::VARCHAR = '12x'" }), [fields]);

  const { items } = await deadLettersWithValues(ground, { ids: [broken!, fields!] }, all);
  assert.deepEqual(
    items.map(({ id, problem, raw, schemaId }) => [id, problem === null, raw?.value, schemaId !== null]),
    [
      [fields, true, Buffer.from('{"id":"q","n":"12x","secret":"s"}').toString('base64'), true],
      [broken, false, Buffer.from('not of ours').toString('base64'), true],
    ],
  );
});
