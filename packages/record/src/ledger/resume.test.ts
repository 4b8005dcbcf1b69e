import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlacedPart } from './chain.ts';
import type { LedgerPart } from './entry.ts';
import { part, ref } from './model/example.ts';
import { resume } from './resume.ts';

const placed = (...parts: LedgerPart[]): PlacedPart[] =>
  parts.map((each, offset) => ({ ref: ref(offset), at: offset, part: each }));
const chain = placed(part(0, 10), part(10, 20, { prev: ref(0) }), part(20, 30, { prev: ref(1) }));

test('a position of our own goes on where it says, and needs no ledger', () => {
  const found = resume({ parts: [], committed: 30, mark: { ref: ref(2), attempts: 2 }, low: 0 });
  assert.deepEqual(found, { kind: 'continue', offset: 30, from: 30, prev: ref(2), attempts: 2 });
});

test('nothing done and nothing committed: a chain begins', () => {
  assert.deepEqual(resume({ parts: [], committed: undefined, mark: undefined, low: 4 }), { kind: 'begin' });
});

test('another tool sets the position to the end of a part', () => {
  const found = resume({ parts: chain, committed: 20, mark: undefined, low: 0 });
  assert.deepEqual(found, { kind: 'rewound', offset: 20, from: 20, prev: ref(1) });
});

test('a position inside a part goes back to its start: parts live or die whole', () => {
  assert.deepEqual(resume({ parts: chain, committed: 17, mark: undefined, low: 0 }), {
    kind: 'rewound',
    offset: 10,
    from: 10,
    prev: ref(0),
  });
  assert.deepEqual(resume({ parts: chain, committed: 3, mark: undefined, low: 0 }), {
    kind: 'rewound',
    offset: 0,
    from: 0,
    prev: null,
  });
});

test('a position before the first part begins the chain anew, there', () => {
  const late = placed(part(5, 10));
  assert.deepEqual(resume({ parts: late, committed: 2, mark: undefined, low: 0 }), {
    kind: 'rewound',
    offset: 2,
    from: 2,
    prev: null,
  });
});

test('a late part of a zombie, shorter than what was judged, does not make a position look lost', () => {
  const parts = [...chain, { ref: ref(3), at: 3, part: part(10, 13, { prev: ref(0) }) }];
  assert.deepEqual(resume({ parts, committed: 25, mark: undefined, low: 0 }), {
    kind: 'rewound',
    offset: 20,
    from: 20,
    prev: ref(1),
  });
});

test('a mark that another tool has carried along with another offset is not believed', () => {
  const found = resume({ parts: chain, committed: 10, mark: { ref: ref(2), attempts: 0 }, low: 0 });
  assert.deepEqual(found, { kind: 'rewound', offset: 10, from: 10, prev: ref(0) });
});

test('a position beyond all that was judged would skip records', () => {
  const found = resume({ parts: chain, committed: 35, mark: undefined, low: 0 });
  assert.deepEqual(found, { kind: 'lost', reason: 'skipped', from: 30, to: 35, prev: ref(2) });
});

test('records deleted before they were judged are lost, also with a mark of our own', () => {
  const found = resume({ parts: [], committed: 30, mark: { ref: ref(2), attempts: 0 }, low: 34 });
  assert.deepEqual(found, { kind: 'lost', reason: 'expired', from: 30, to: 34, prev: ref(2) });
});

test('no position where parts stand: the broker has forgotten it, and it is not guessed', () => {
  const found = resume({ parts: chain, committed: undefined, mark: undefined, low: 0 });
  assert.deepEqual(found, { kind: 'lost', reason: 'no position', from: 30, to: 30, prev: ref(2) });
});

test("an extractor's offsets are those of its positions topic, its parts count raw items", () => {
  const parts = placed(part(0, 500, { commit: 1 }), part(500, 900, { commit: 3, prev: ref(0) }));
  const at = (committed: number) => resume({ parts, committed, mark: undefined, low: undefined });
  assert.deepEqual(at(3), { kind: 'rewound', offset: 3, from: 900, prev: ref(1) });
  assert.deepEqual(at(2), { kind: 'rewound', offset: 1, from: 500, prev: ref(0) });
  assert.deepEqual(at(0), { kind: 'rewound', offset: 0, from: 0, prev: null });
  assert.deepEqual(at(7), { kind: 'lost', reason: 'skipped', from: 900, to: 900, prev: ref(1) });
});

const gone = (to: number, prev: number): LedgerPart => part(to, to, { kind: 'retired', prev: ref(prev) });
const removed = [...chain, { ref: ref(3), at: 3, part: gone(30, 2) }];

test('a removed station that comes back goes on where it stood, behind the part that says so', () => {
  const found = resume({ parts: removed, committed: undefined, mark: undefined, low: 0 });
  assert.deepEqual(found, { kind: 'continue', offset: 30, from: 30, prev: ref(3), attempts: 0 });
});

test('of a removed station that comes back, what was deleted meanwhile is lost', () => {
  const found = resume({ parts: removed, committed: undefined, mark: undefined, low: 34 });
  assert.deepEqual(found, { kind: 'lost', reason: 'expired', from: 30, to: 34, prev: ref(3) });
});

test('a position that is lost after a removed station had come back is lost all the same', () => {
  const parts = [...removed, { ref: ref(4), at: 4, part: part(30, 40, { prev: ref(3) }) }];
  const found = resume({ parts, committed: undefined, mark: undefined, low: 0 });
  assert.equal(found.kind === 'lost' && found.reason, 'no position');
});
