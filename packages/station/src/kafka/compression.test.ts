/** By hand: what real producers write is read in packages/testing/src/sources/kafka.kafka.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const FRAME = '04224d18 60 40 82';

test('LZ4: literals, matches that repeat themselves, long lengths, stored blocks, matches across blocks', () => {
  const read = (text: string): string => unpackLz4(hex(text)).toString();
  // "ab", then 10 from 2 before.
  assert.equal(read(`${FRAME} 05000000 26 6162 0200 00000000`), 'abababababab');
  // 15 + 3 literals.
  assert.equal(read(`${FRAME} 14000000 f0 03 ${'61'.repeat(18)} 00000000`), 'a'.repeat(18));
  // "a", then 15 + 255 + 1 + 4 from 1 before, then "b".
  assert.equal(read(`${FRAME} 08000000 1f 61 0100 ff01 10 62 00000000`), `${'a'.repeat(276)}b`);
  assert.equal(read(`${FRAME} 02000080 6869 00000000`), 'hi');
  assert.equal(read(`${FRAME} 02000080 6869 03000000 00 0200 00000000`), 'hihihi');
  // With content size and block checksums.
  assert.equal(read('04224d18 78 40 0200000000000000 00 02000080 6869 00000000 00000000'), 'hi');
});

test('Snappy: literals, the three kinds of copies, chunks of Java', () => {
  const read = (text: string): string => unpackSnappy(hex(text)).toString();
  assert.equal(read('05 10 68656c6c6f'), 'hello');
  assert.equal(read('0a 04 6162 11 02'), 'ab'.repeat(5));
  assert.equal(read('0a 04 6162 1e 0200'), 'ab'.repeat(5));
  assert.equal(read('0a 04 6162 1f 02000000'), 'ab'.repeat(5));
  assert.equal(read(`3d f0 3c ${'61'.repeat(61)}`), 'a'.repeat(61));
  assert.equal(read('82534e4150505900 00000001 00000001 00000007 05 10 68656c6c6f 00000003 01 00 21'), 'hello!');
});

test('what is cut off or refers to nothing is refused', () => {
  for (const text of [
    '',
    '00',
    `${FRAME}`,
    `${FRAME} 05000000 26`,
    `${FRAME} 03000000 00 0200 00000000`,
    `${FRAME} 02000000 ff ff`,
  ])
    assert.throws(() => unpackLz4(hex(text)), RangeError, text);
  for (const text of [
    '',
    '05 10 6865',
    '05 11 02',
    '0a 04 6162',
    'ffffffff7f',
    '82534e4150505900 00000001 00000001 000000ff 05',
  ])
    assert.throws(() => unpackSnappy(hex(text)), RangeError, text);
});
