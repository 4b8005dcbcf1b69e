/** Random queries against the same thing computed in JavaScript: what goes through DuckDB means what it says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drop } from '@quadrille/record';
import { field } from './fields.fixture.ts';
import { loadSqlRule } from './sql.ts';
import { parseSqlFile } from './sql-file.ts';

type Row = Record<string, unknown>;
/** An expression in both languages; null is unknown, as in SQL. */
interface Expression {
  sql: string;
  js: (row: Row) => unknown;
}

const FIELDS = [
  field('a', 'int'),
  field('b', 'int'),
  field('l', 'long'),
  field('x', 'double'),
  field('s', 'string'),
  field('t', 'string'),
  field('f', 'boolean'),
  field('n', 'long'),
  field('r', 'double'),
  field('u', 'string'),
  field('p', 'boolean'),
];
const WORDS = [
  '',
  'N123',
  'N9',
  'delayed by weather',
  'éclair',
  '日本',
  'a%b',
  'exactly12chr',
  'more than twelve characters',
];

function randomOf(seed: number) {
  let state = seed + 0x9e3779b9;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return { next, below, pick: <T>(list: readonly T[]): T => list[below(list.length)] as T };
}
type Random = ReturnType<typeof randomOf>;

const strict =
  (f: (...values: never[]) => unknown, ...parts: Expression[]) =>
  (row: Row): unknown => {
    const values = parts.map(({ js }) => js(row));
    return values.includes(null) ? null : f(...(values as never[]));
  };
const column = (name: string): Expression => ({ sql: name, js: (row) => row[name] });

function long(random: Random, depth: number): Expression {
  const kind = depth === 0 ? random.below(2) : random.below(6);
  if (kind === 0)
    return ((name) => ({ sql: `${name}::bigint`, js: (row: Row) => row[name] }))(random.pick(['a', 'b', 'l']));
  if (kind === 1) return ((value) => ({ sql: `${value}::bigint`, js: () => value }))(random.below(200) - 100);
  const [one, two] = [long(random, depth - 1), long(random, depth - 1)];
  if (kind === 2) return { sql: `(${one.sql} + ${two.sql})`, js: strict((p: number, q: number) => p + q, one, two) };
  if (kind === 3) return { sql: `(${one.sql} - ${two.sql})`, js: strict((p: number, q: number) => p - q, one, two) };
  if (kind === 4) return { sql: `coalesce(${one.sql}, ${two.sql})`, js: (row) => one.js(row) ?? two.js(row) };
  return choose(random, depth, one, two);
}

function text(random: Random, depth: number): Expression {
  const kind = depth === 0 ? random.below(2) : random.below(6);
  if (kind === 0) return column(random.pick(['s', 't']));
  if (kind === 1)
    return ((value) => ({ sql: `'${value.replaceAll("'", "''")}'`, js: () => value }))(random.pick(WORDS));
  const [one, two] = [text(random, depth - 1), text(random, depth - 1)];
  if (kind === 2) return { sql: `(${one.sql} || ${two.sql})`, js: strict((p: string, q: string) => p + q, one, two) };
  if (kind === 3) return { sql: `upper(${one.sql})`, js: strict((p: string) => p.toUpperCase(), one) };
  if (kind === 4) return { sql: `coalesce(${one.sql}, ${two.sql})`, js: (row) => one.js(row) ?? two.js(row) };
  return choose(random, depth, one, two);
}

function real(random: Random, depth: number): Expression {
  const [one, two] = [long(random, depth - 1), long(random, depth - 1)];
  if (random.below(2) === 0)
    return { sql: `(x * ${one.sql})`, js: strict((p: number, q: number) => p * q, column('x'), one) };
  return {
    sql: `(${one.sql} / nullif(${two.sql}, 0))`,
    js: (row) => (two.js(row) === 0 ? null : strict((p: number, q: number) => p / q, one, two)(row)),
  };
}

function condition(random: Random, depth: number): Expression {
  const kind = random.below(depth === 0 ? 3 : 7);
  if (kind === 0) return column('f');
  if (kind === 1)
    return ((name) => ({ sql: `${name} is null`, js: (row: Row) => row[name] === null }))(
      random.pick(['a', 's', 'f', 'x']),
    );
  if (kind === 2) return { sql: "s like 'N%'", js: strict((p: string) => p.startsWith('N'), column('s')) };
  if (kind === 3)
    return ((one, two) => ({
      sql: `(${one.sql} > ${two.sql})`,
      js: strict((p: number, q: number) => p > q, one, two),
    }))(long(random, depth - 1), long(random, depth - 1));
  if (kind === 4)
    return ((one, two) => ({
      sql: `(${one.sql} = ${two.sql})`,
      js: strict((p: string, q: string) => p === q, one, two),
    }))(text(random, depth - 1), text(random, depth - 1));
  const [one, two] = [condition(random, depth - 1), condition(random, depth - 1)];
  if (kind === 5) return { sql: `(${one.sql} and ${two.sql})`, js: (row) => both(one.js(row), two.js(row)) };
  return { sql: `(not ${one.sql})`, js: strict((p: boolean) => !p, one) };
}

const both = (p: unknown, q: unknown): boolean | null =>
  p === false || q === false ? false : p === null || q === null ? null : true;

function choose(random: Random, depth: number, one: Expression, two: Expression): Expression {
  const when = condition(random, depth - 1);
  return {
    sql: `case when ${when.sql} then ${one.sql} else ${two.sql} end`,
    js: (row) => (when.js(row) === true ? one.js(row) : two.js(row)),
  };
}

function randomRow(random: Random): Row {
  const or = (value: unknown): unknown => (random.below(4) === 0 ? null : value);
  return {
    a: or(random.below(50) - 25),
    b: or(random.below(2_000_000) - 1_000_000),
    l: or(random.below(2) === 0 ? random.below(100) : Math.floor(random.next() * 2 ** 50)),
    x: or(random.next() * 100 - 50),
    s: or(random.pick(WORDS)),
    t: or(random.pick(WORDS)),
    f: or(random.below(2) === 0),
  };
}

test('100 random queries of four expressions give what JavaScript gives', async () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = randomOf(seed);
    const outputs: [string, Expression][] = [
      ['n', long(random, 3)],
      ['r', real(random, 2)],
      ['u', text(random, 3)],
      ['p', condition(random, 3)],
    ];
    const where = condition(random, 2);
    const query = `select row, ${outputs.map(([name, { sql }]) => `${sql} as ${name}`).join(', ')} from input where ${where.sql}`;
    const rule = await loadSqlRule(parseSqlFile('/f/random.sql', `-- doc: seed ${seed}\n${query}`), {
      fields: FIELDS,
      tables: [],
    });
    const records = Array.from({ length: 1 + random.below(150) }, () => randomRow(random));
    const wanted = records.map((row) =>
      where.js(row) === true
        ? { ...row, ...Object.fromEntries(outputs.map(([name, { js }]) => [name, js(row)])) }
        : 'dropped',
    );
    const results = await rule.apply(records);
    await rule.close();
    // -0 and 0 are equal to both languages.
    const plain = results.map((result) => (result instanceof Drop ? 'dropped' : result));
    for (const row of [...plain, ...wanted])
      if (typeof row === 'object' && Object.is((row as Row).r, -0)) (row as Row).r = 0;
    assert.deepEqual(plain, wanted, `seed ${seed}: ${query}`);
  }
});
