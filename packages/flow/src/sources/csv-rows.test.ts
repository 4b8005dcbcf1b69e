import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { type CsvFormat, CsvRows } from './csv-rows.ts';

const FORMAT: CsvFormat = { delimiter: ',', quote: '"', maxRowBytes: 1024 };

interface Found {
  line: number;
  fields: string[] | undefined;
  problem: string | undefined;
  raw: Buffer;
}

function rowsOf(
  bytes: Buffer,
  { format = FORMAT, sizes = [bytes.length], single = false, skip = false } = {},
): Found[] {
  const rows = new CsvRows(format);
  rows.single = single;
  const found: Found[] = [];
  const drain = (): void => {
    while (rows.next(skip)) {
      const fields = skip || rows.problem !== undefined ? undefined : rows.fields.slice(0, rows.count);
      found.push({ line: rows.line, fields, problem: rows.problem, raw: rows.raw() });
    }
  };
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] as number);
    const block = Buffer.from(bytes.subarray(at, at + size));
    rows.push(block);
    block.fill(0x22);
    drain();
    at += size;
  }
  rows.end();
  drain();
  return found;
}

const fieldsOf = (text: string): unknown[] => rowsOf(Buffer.from(text)).map((row) => row.fields ?? row.problem);

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

describe('rows of CSV', () => {
  test('fields, empty ones, quotes, line ends', () => {
    assert.deepEqual(fieldsOf('a,b\n1,\n,2\r\n"x, y","say ""hi"""\n"two\nlines",z'), [
      ['a', 'b'],
      ['1', ''],
      ['', '2'],
      ['x, y', 'say "hi"'],
      ['two\nlines', 'z'],
    ]);
  });

  test('a byte order mark and empty lines are passed over; of a single column an empty line is a row', () => {
    assert.deepEqual(fieldsOf('\ufeffa,b\n\n\r\n1,2\n\n'), [
      ['a', 'b'],
      ['1', '2'],
    ]);
    assert.deepEqual(
      rowsOf(Buffer.from('a\n\nb\n'), { single: true }).map((row) => row.fields),
      [['a'], [''], ['b']],
    );
  });

  test('lines are counted over quoted line ends and empty lines', () => {
    const rows = rowsOf(Buffer.from('a,b\n\n"1\n2\n3",x\n4,5\n'));
    assert.deepEqual(
      rows.map((row) => row.line),
      [1, 3, 6],
    );
  });

  test('a wrong quote costs its own line only', () => {
    assert.deepEqual(fieldsOf('1,a\n2,"b\n3,c\n4,d"d\n5,"e"e\n6,f\n'), [
      ['1', 'a'],
      'ROW_MALFORMED',
      ['3', 'c'],
      'ROW_MALFORMED',
      'ROW_MALFORMED',
      ['6', 'f'],
    ]);
    const [, bad] = rowsOf(Buffer.from('1,a\n2,"b\r\n3,c\n'));
    assert.equal(bad?.raw.toString(), '2,"b');
    assert.deepEqual(fieldsOf('1,"a\n2,b\n3,c'), ['ROW_MALFORMED', ['2', 'b'], ['3', 'c']]);
  });

  test('invalid UTF-8 is a fault of its row; the bytes stay as they are', () => {
    const bytes = Buffer.concat([Buffer.from('1,ä\n2,'), Buffer.of(0xe4, 0xff), Buffer.from('\n3,"ö"\n')]);
    const rows = rowsOf(bytes);
    assert.deepEqual(
      rows.map((row) => row.fields ?? row.problem),
      [['1', 'ä'], 'TEXT_INVALID', ['3', 'ö']],
    );
    assert.deepEqual(rows[1]?.raw, Buffer.of(0x32, 0x2c, 0xe4, 0xff));
  });

  test('a line beyond the limit is one fault and keeps its beginning, a quote open beyond it costs one line', () => {
    const long = 'x'.repeat(5_000);
    for (const sizes of [[7], [100_000]]) {
      const rows = rowsOf(Buffer.from(`1,a\n2,${long}\n3,c\n4,"d\n${'y,y\n'.repeat(400)}`), { sizes });
      assert.deepEqual(
        rows.slice(0, 5).map((row) => row.fields ?? row.problem),
        [['1', 'a'], 'ROW_TOO_LARGE', ['3', 'c'], 'ROW_MALFORMED', ['y', 'y']],
      );
      assert.equal(rows[1]?.raw.toString(), `2,${long}`.slice(0, 1024));
      assert.equal(rows.length, 404);
      assert.equal(rows[403]?.line, 404);
    }
  });

  test('other delimiters and quotes, and none', () => {
    const one = (text: string, delimiter: string, quote: string) =>
      rowsOf(Buffer.from(text), { format: { ...FORMAT, delimiter, quote } }).map((row) => row.fields);
    assert.deepEqual(one("a;'b;c'\n", ';', "'"), [['a', 'b;c']]);
    assert.deepEqual(one('5" pipe\t"x"\n', '\t', ''), [['5" pipe', '"x"']]);
  });

  test('random files: the same rows as csv-parse', () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const pick = random(seed);
      const parts = ['a', 'bc', ',', '"', '\n', '\r\n', 'ä', '😀', '', ' ', '123'];
      const eol = pick(2) === 0 ? '\n' : '\r\n';
      const width = 1 + pick(4);
      const text = Array.from({ length: pick(8) }, () =>
        Array.from({ length: width }, () => {
          const value = Array.from({ length: pick(4) }, () => parts[pick(parts.length)]).join('');
          return /[",\r\n]/.test(value) || pick(4) === 0 ? `"${value.replaceAll('"', '""')}"` : value;
        }).join(','),
      ).join(eol);
      const expected: string[][] = parse(text, { record_delimiter: eol, skip_empty_lines: true });
      const sizes = [1 + pick(9), 1 + pick(30)];
      assert.deepEqual(
        rowsOf(Buffer.from(text), { sizes }).map((row) => row.fields),
        expected,
        `seed ${seed}`,
      );
    }
  });

  test('random bytes: rows do not depend on the blocks, skipped ones count the same, no byte is lost or doubled', () => {
    const alphabet = [0x2c, 0x22, 0x0a, 0x0d, 0x61, 0x62, 0xc3, 0xa4, 0xff, 0x20];
    for (let seed = 1; seed <= 3_000; seed++) {
      const pick = random(seed);
      const weights = alphabet.map(() => 1 + pick(8));
      const pool = alphabet.flatMap((byte, i) => Array(weights[i]).fill(byte) as number[]);
      const bytes = Buffer.from(Array.from({ length: pick(200) }, () => pool[pick(pool.length)] as number));
      const format = { ...FORMAT, maxRowBytes: 10 + pick(60) };
      const single = pick(2) === 0;
      const whole = rowsOf(bytes, { format, single });
      const cut = rowsOf(bytes, { format, single, sizes: [1 + pick(5), 1 + pick(40)] });
      assert.deepEqual(cut, whole, `seed ${seed}`);
      assert.equal(rowsOf(bytes, { format, single, skip: true, sizes: [3] }).length, whole.length, `seed ${seed}`);
      let at = bytes.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? 3 : 0;
      for (const row of whole) {
        while (!bytes.subarray(at, at + row.raw.length).equals(row.raw)) {
          assert.ok(bytes[at] === 0x0a || bytes[at] === 0x0d, `seed ${seed}: byte ${at} is in no row`);
          at++;
        }
        at += row.raw.length;
        if (row.problem === 'ROW_TOO_LARGE')
          at = bytes.indexOf(0x0a, at) === -1 ? bytes.length : bytes.indexOf(0x0a, at);
        if (row.problem === undefined) assert.ok(isUtf8(row.raw), `seed ${seed}`);
      }
      assert.ok(
        bytes.subarray(at).every((byte) => byte === 0x0a || byte === 0x0d),
        `seed ${seed}: bytes at the end are in no row`,
      );
    }
  });
});
