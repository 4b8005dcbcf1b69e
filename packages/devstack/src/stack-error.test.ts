import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { STACK_ERRORS, StackError, StackErrors, throwAll } from './stack-error.ts';

test('an error shows its code, place, what was wrong and what to do', () => {
  const error = new StackError('PORT_TAKEN', 'Kafka needs it', { place: '127.0.0.1:9092' });
  assert.equal(
    error.format(),
    'PORT_TAKEN 127.0.0.1:9092: a port is taken by another program: Kafka needs it\n' +
      '  help: stop the program that listens there, or choose another port',
  );
});

test('several errors are thrown as one, one as itself, none not at all', () => {
  const [java, maven] = [new StackError('JAVA_MISSING'), new StackError('MAVEN_MISSING')] as const;
  throwAll([]);
  assert.throws(() => throwAll([java]), java);
  assert.throws(
    () => throwAll([java, maven]),
    (error) => error instanceof StackErrors && error.format().includes(maven.format()),
  );
});

test('every code of the table is used somewhere, and has a message and a help', () => {
  const folder = import.meta.dirname;
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|mjs)$/.test(file) && !file.includes('.test.'))
    .filter((file) => file !== 'stack-error.ts')
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  for (const [code, { message, help }] of Object.entries(STACK_ERRORS)) {
    assert.ok(sources.includes(`'${code}'`), `${code} is used`);
    assert.ok(message.length > 10 && help.length > 10, `${code} says what was wrong and what to do`);
  }
});
