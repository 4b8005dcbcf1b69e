import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainIncompatibility } from './compatibility.ts';
import { typeOf } from './type.ts';

const record = (...fields: unknown[]): unknown => ({ type: 'record', name: 'R', fields });
const field = (name: string, type: unknown, rest: object = {}): unknown => ({ name, type, ...rest });
const inner = (...fields: unknown[]): unknown => ({ type: 'record', name: 'Inner', fields });
const symbols = (list: string[], rest: object = {}): unknown => ({ type: 'enum', name: 'E', symbols: list, ...rest });

const cases: [what: string, old: unknown, next: unknown, path: string | undefined, pattern?: RegExp][] = [
  ['a field is gone', record(field('a', 'int'), field('b', 'int')), record(field('a', 'int')), undefined],
  ['a field is new with a default', record(), record(field('a', ['null', 'int'], { default: null })), undefined],
  ['a field is new without one', record(), record(field('a', 'int')), 'a', /no default/],
  ['int to long', record(field('a', 'int')), record(field('a', 'long')), undefined],
  ['long to int', record(field('a', 'long')), record(field('a', 'int')), 'a', /was long, is int/],
  ['nullable now', record(field('a', 'int')), record(field('a', ['null', 'int'])), undefined],
  ['no longer nullable', record(field('a', ['null', 'int'])), record(field('a', 'int')), 'a', /null/],
  ['renamed with an alias', record(field('a', 'int')), record(field('b', 'int', { aliases: ['a'] })), undefined],
  [
    'deep',
    record(field('in', inner(field('x', 'int')))),
    record(field('in', inner(field('x', 'string')))),
    'in.x',
    /was int, is string/,
  ],
  [
    'in a nullable record',
    record(field('in', ['null', inner(field('x', 'int'))])),
    record(field('in', ['null', inner(field('x', 'boolean'))])),
    'in.x',
    /was int, is boolean/,
  ],
  [
    'in an array',
    record(field('l', { type: 'array', items: 'int' })),
    record(field('l', { type: 'array', items: 'string' })),
    'l[]',
    /was int/,
  ],
  ['a symbol is gone', record(field('e', symbols(['A', 'B']))), record(field('e', symbols(['A']))), 'e', /lost B/],
  [
    'a symbol is gone, with a default',
    record(field('e', symbols(['A', 'B']))),
    record(field('e', symbols(['A'], { default: 'A' }))),
    undefined,
  ],
  ['the record is renamed', record(), { type: 'record', name: 'S', fields: [] }, '', /named R/],
];

for (const [what, old, next, path, pattern] of cases) {
  test(`${what}: ${path === undefined ? 'compatible' : 'refused'}`, () => {
    const found = explainIncompatibility(old, next);
    assert.deepEqual(
      found.map((reason) => reason.path),
      path === undefined ? [] : [path],
    );
    if (pattern) assert.match(found[0]?.what ?? '', pattern);
    // avsc must agree, or the reader would not work.
    const resolve = (): unknown => typeOf(next).createResolver(typeOf(old));
    if (path === undefined) assert.doesNotThrow(resolve);
    else assert.throws(resolve);
  });
}

test('every reason is told, not only the first', () => {
  const found = explainIncompatibility(
    record(field('a', 'int'), field('b', 'string')),
    record(field('a', 'string'), field('b', 'int'), field('c', 'int')),
  );
  assert.deepEqual(
    found.map((reason) => reason.path),
    ['a', 'b', 'c'],
  );
});
