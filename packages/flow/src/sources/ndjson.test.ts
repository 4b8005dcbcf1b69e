import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Field } from '../avro/field.ts';
import type { RawItem } from '../source.ts';
import { linesOf } from './lines.ts';
import { ndjson } from './ndjson.ts';
import { sourceContext } from './source-fixture.ts';

async function itemsOf(t: TestContext, text: string | Buffer, schema: Partial<Field>[]): Promise<RawItem[]> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-ndjson-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'a'), text);
  const context = sourceContext(folder, [], { schema: schema as Field[] });
  const reader = await ndjson.create({ path: 'a', quietMs: 0 }, context).open({ name: 'a' }, undefined);
  const { items, end } = await reader.read(1_000);
  await reader.close();
  assert.ok(end);
  return items;
}

test('numbers of decimals and bigints stay as they are written; others are numbers', async (t) => {
  const line = '{"price":12.10,"big":9007199254740993,"n":12.10,"s":"x","nested":{"price":1.50},"none":null}';
  const schema: Partial<Field>[] = [
    { name: 'price', kind: 'decimal', bigint: false },
    { name: 'big', kind: 'long', bigint: true },
    { name: 'n', kind: 'double', bigint: false },
  ];
  const [item] = await itemsOf(t, line, schema);
  assert.deepEqual((item as { fields: object }).fields, {
    price: '12.10',
    big: '9007199254740993',
    n: 12.1,
    s: 'x',
    nested: { price: '1.50' },
    none: null,
  });
});

test('a fault tells line and help, and does not quote the line', async (t) => {
  const items = await itemsOf(t, '\n{"a":1}\r\n\r\n{"secret": 12\n42\n', []);
  assert.deepEqual(
    items.map((item) => ('fault' in item ? [item.fault.code, item.place] : item.place)),
    ['a:2', ['ROW_MALFORMED', 'a:4'], ['ROW_MALFORMED', 'a:5']],
  );
  for (const item of items) if ('fault' in item) assert.doesNotMatch(item.fault.message, /secret|42/);
});

test('lines are the same however the bytes are cut, and of one too long no more than the limit is kept', async () => {
  const text = Buffer.from(`\ufeffa\r\n\n${'x'.repeat(50)}\n${'y'.repeat(51)}\r\nz\r\n${'w'.repeat(50)}\r\nend`);
  const seen = new Set<string>();
  for (const cut of [1, 2, 3, 7, 1_000]) {
    const blocks = async function* (): AsyncGenerator<Buffer> {
      for (let at = 0; at < text.length; at += cut) yield text.subarray(at, at + cut);
    };
    const lines = [];
    for await (const line of linesOf(blocks(), 50))
      if (line !== undefined) lines.push([line.number, line.bytes.toString(), line.tooLong]);
    seen.add(JSON.stringify(lines));
  }
  assert.deepEqual(
    [...seen].map((each) => JSON.parse(each)),
    [
      [
        [1, 'a', false],
        [3, 'x'.repeat(50), false],
        [4, 'y'.repeat(50), true],
        [5, 'z', false],
        [6, 'w'.repeat(50), false],
        [7, 'end', false],
      ],
    ],
  );
});
