import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importsOf, inspectSource } from './dependencies.ts';

const EVERYTHING = new Set([
  '@quadrille/record',
  '@quadrille/flow',
  '@quadrille/station',
  '@quadrille/testing',
  'kafkajs',
  'pg',
  'avsc',
]);
const codes = (file: string, text: string, declared = EVERYTHING) =>
  inspectSource(file, text, declared).map(({ code, line }) => `${code}:${line}`);

test('imports are found with their lines, however they are written', () => {
  const text = [
    "import { a } from 'one';",
    "export * from 'two';",
    'import type {',
    '  B,',
    "} from 'three';",
    "const c = await import('four');",
    "// import 'not this';",
    " * import { x } from 'nor this';",
    "import 'five';",
    "const sql = `select * from 'six.csv'`;",
  ].join('\n');
  assert.deepEqual(
    importsOf(text).map(({ specifier, line }) => `${specifier}:${line}`),
    ['one:1', 'two:2', 'three:5', 'four:6', 'five:9'],
  );
});

test('dependencies point one way', () => {
  assert.deepEqual(codes('packages/flow/src/a.ts', "import '@quadrille/record';"), []);
  assert.deepEqual(codes('packages/record/src/a.ts', "import '@quadrille/flow';"), ['IMPORT_DIRECTION:1']);
  assert.deepEqual(codes('packages/station/src/a.ts', "\nimport '../../flow/src/b.ts';"), ['IMPORT_DIRECTION:2']);
  assert.deepEqual(codes('services/loader/main.ts', "import '../enricher/main.ts';"), ['IMPORT_DIRECTION:1']);
  assert.deepEqual(codes('services/loader/main.ts', "import '@quadrille/station';"), []);
});

test('a test may use the harness that stands on top', () => {
  assert.deepEqual(codes('packages/flow/src/a.test.ts', "import '@quadrille/testing';"), []);
  assert.deepEqual(codes('packages/flow/src/a.ts', "import '@quadrille/testing';"), ['IMPORT_DIRECTION:1']);
});

test('kafkajs has one place, records are pure, the stack stands alone', () => {
  assert.deepEqual(codes('packages/station/src/kafka/client.ts', "import { Kafka } from 'kafkajs';"), []);
  assert.deepEqual(codes('packages/station/src/round.ts', "import type { Message } from 'kafkajs';"), [
    'IMPORT_DIRECTION:1',
  ]);
  assert.deepEqual(codes('packages/record/src/a.ts', "import 'node:fs';"), ['IMPORT_DIRECTION:1']);
  assert.deepEqual(codes('packages/record/src/a.ts', "import { createHash } from 'node:crypto';"), []);
  assert.deepEqual(codes('packages/devstack/src/a.ts', "import 'pg';"), []);
  assert.deepEqual(codes('packages/devstack/src/a.ts', "import 'avsc';"), ['IMPORT_DIRECTION:1']);
});

test('what is imported is declared where it is imported', () => {
  assert.deepEqual(codes('packages/flow/src/a.ts', "import 'avsc';", new Set()), ['IMPORT_UNDECLARED:1']);
});

test('files over 300 lines are warned of, over 350 refused', () => {
  const severities = (lines: number) =>
    inspectSource('packages/flow/src/a.ts', 'x\n'.repeat(lines), EVERYTHING).map(({ severity }) => severity);
  assert.deepEqual(
    [severities(300), severities(301), severities(350), severities(351)],
    [[], ['warning'], ['warning'], ['error']],
  );
});
