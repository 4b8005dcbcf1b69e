/** No type without its suites, no test of a suite that the page of conformance does not know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceTypes, targetTypes } from '@quadrille/flow';
import { SOURCE_FEATURES, STATION_ELSEWHERE, TARGET_FEATURES } from './features.ts';
import { registered, typeOfFixture } from './page.ts';

const all = await registered();
const typesOf = (suite: string): string[] => [
  ...new Set(all.filter((each) => each.suite === suite).map(({ fixture }) => typeOfFixture(fixture))),
];

test('every source type runs through both suites', () => {
  const known = Object.keys(sourceTypes).sort();
  assert.deepEqual(typesOf('source').sort(), known, 'packages/testing/src/conformance/<type>.test.ts');
  const inStations = [...typesOf('source in its station'), ...Object.keys(STATION_ELSEWHERE)];
  assert.deepEqual(inStations.sort(), known, 'packages/testing/src/conformance/*.kafka.test.ts');
});

test('every target type runs through the suite, in each of its modes', () => {
  assert.deepEqual(typesOf('target').sort(), Object.keys(targetTypes).sort());
  const fixtures = new Set(all.map(({ fixture }) => fixture));
  for (const { type, features } of Object.values(targetTypes))
    for (const mode of Object.keys(features))
      if (mode !== '') assert.ok(fixtures.has(`${type}, mode ${mode}`), `${type}, mode ${mode}`);
});

test('features and tests name each other', () => {
  for (const [features, suites] of [
    [SOURCE_FEATURES, ['source', 'source in its station']],
    [TARGET_FEATURES, ['target']],
  ] as const) {
    const run = new Set(
      all.filter(({ suite }) => (suites as readonly string[]).includes(suite)).map((each) => each.test),
    );
    const told = new Set(features.flatMap(({ tests }) => tests));
    assert.deepEqual([...told].sort(), [...run].sort());
  }
});
