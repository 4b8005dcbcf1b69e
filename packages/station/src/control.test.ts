import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlEvent, readEvent } from './control.ts';
import type { Log } from './log.ts';
import { controlCodec } from './own-topics.ts';

function listening(): { log: Log; warned: object[] } {
  const warned: object[] = [];
  return { log: { warn: (fields: object) => warned.push(fields) } as unknown as Log, warned };
}

test('what somebody has written to the control topic by mistake is passed over, and said; no station stands still for it', () => {
  controlCodec.id = 7;
  const { log, warned } = listening();
  for (const bytes of [Buffer.from('{"pause":"all"}'), Buffer.from([0, 0, 0, 0, 7, 99]), Buffer.alloc(0)])
    assert.equal(readEvent(bytes, 'quadrille.control[0]@5', log), undefined);
  assert.deepEqual(
    warned,
    Array(3).fill({ topic: 'quadrille.control', partition: 0, offset: 5, code: 'DECODE_FAILED' }),
  );
});

test('an event is read as it was written; one that was taken back says nothing', () => {
  controlCodec.id = 7;
  const { log, warned } = listening();
  const event = controlEvent({ kind: 'pause', flow: 'f', station: 's', by: 'me', reason: 'why' });
  const { kind, station, reason } = readEvent(controlCodec.encode(event), 'here', log)!;
  assert.deepEqual([kind, station, reason], ['pause', 's', 'why']);
  assert.equal(readEvent(null, 'here', log), undefined);
  assert.deepEqual(warned, []);
});
