import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { createLog } from '@quadrille/station';
import { awayOf, enduring } from './away.ts';

const log = createLog({}, 'silent');

test('a duty goes on when what it needs is back, and fails for good otherwise', async () => {
  const { signal } = new AbortController();
  const throws: unknown[] = [
    new Fault('DATABASE_UNAVAILABLE', ''),
    Object.assign(new Error('no broker'), { name: 'KafkaJSConnectionError' }),
  ];
  let begun = 0;
  await enduring(
    'test',
    async () => {
      begun++;
      const thrown = throws.shift();
      if (thrown !== undefined) throw thrown;
    },
    log,
  )(signal);
  assert.equal(begun, 3);
  const defect = new TypeError('x');
  await assert.rejects(enduring('test', () => Promise.reject(defect), log)(signal), defect);
});

test('what is thrown after the signal is not told, and nothing is begun again', async () => {
  const ending = new AbortController();
  let begun = 0;
  const duty = async (): Promise<void> => {
    begun++;
    ending.abort();
    throw new TypeError('closed');
  };
  await enduring('test', duty, log)(ending.signal);
  assert.equal(begun, 1);
});

test('a request that is wrong is nothing that waiting mends', () => {
  assert.equal(awayOf(new Fault('NOT_FOUND', 'x')), undefined);
  assert.equal(awayOf(new Error('x')), undefined);
});
