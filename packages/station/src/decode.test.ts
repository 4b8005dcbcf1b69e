import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder, typeOf } from '@quadrille/flow';
import { Fault, InputRecord } from '@quadrille/record';
import { decodeRound } from './decode.ts';
import { REJECT, Slice } from './round.ts';
import { roundOf } from './test-round.ts';

const withId = (offset: number, id: number): InputRecord =>
  new InputRecord('in', 0, offset, 1, Buffer.from('k'), Buffer.of(0, 0, 0, 0, id), undefined, undefined);

test('an id that the registry does not know is asked for once a round, and is its records’ fault', async () => {
  const asked: number[] = [];
  const decoder = new Decoder(typeOf('null'), async (id) => {
    asked.push(id);
    if (id !== 1) throw new Fault('SCHEMA_UNKNOWN', `id ${id}`);
    return 'null';
  });
  const slice = new Slice(
    'in',
    0,
    0,
    [7, 1, 8, 7, 1, 8, 7].map((id, offset) => withId(offset, id)),
    false,
  );
  const { indexes } = await decodeRound(roundOf(slice), decoder);
  assert.deepEqual(asked, [7, 1, 8]);
  assert.deepEqual(indexes, [1, 4]);
  assert.deepEqual([...slice.verdicts], [REJECT, 0, REJECT, REJECT, 0, REJECT, REJECT]);
  assert.equal((slice.reasons.get(0) as Fault).code, 'SCHEMA_UNKNOWN');
});
