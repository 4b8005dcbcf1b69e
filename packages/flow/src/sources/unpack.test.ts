import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packerOf, unpack } from './unpack.ts';

const texts = ['first frame, '.repeat(20_000), 'second', '', 'x'.repeat(300_000), 'last'];

async function unpacked(bytes: Buffer, cut: number): Promise<string> {
  const stored = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += cut) {
      yield bytes.subarray(at, at + cut);
      yield Buffer.alloc(0);
    }
  };
  const blocks: Buffer[] = [];
  for await (const block of unpack(stored(), packerOf(bytes)!, 'file')) blocks.push(block);
  return Buffer.concat(blocks).toString();
}

for (const [name, pack] of Object.entries({ gzip: gzipSync, zstd: zstdCompressSync })) {
  test(`${name}: all members or frames are unpacked, however the bytes are cut`, async () => {
    const bytes = Buffer.concat(texts.map((text) => pack(Buffer.from(text))));
    for (const cut of [1, 7, 100, 65_536]) assert.equal(await unpacked(bytes, cut), texts.join(''), `by ${cut}`);
  });

  test(`${name}: without its end, or damaged, it is SOURCE_TRUNCATED`, async () => {
    const bytes = Buffer.concat(texts.map((text) => pack(Buffer.from(text))));
    await assert.rejects(unpacked(bytes.subarray(0, -2), 65_536), { code: 'SOURCE_TRUNCATED' });
    const damaged = Buffer.from(bytes);
    damaged.fill(0xa5, 20, 30);
    await assert.rejects(unpacked(damaged, 65_536), { code: 'SOURCE_TRUNCATED' });
  });
}

test('what follows the last member of gzip and is none is padding', async () => {
  assert.equal(await unpacked(Buffer.concat([gzipSync('abc'), Buffer.alloc(512)]), 65_536), 'abc');
});

test('plain bytes are known as such', () => {
  assert.equal(packerOf(Buffer.from('id,n\n')), undefined);
  assert.equal(packerOf(Buffer.alloc(0)), undefined);
});
