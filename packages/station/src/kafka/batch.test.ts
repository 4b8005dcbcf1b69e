/** What is written and read in kafkajs's place is what kafkajs writes and reads, byte for byte; no broker needed. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { HEADER } from '@quadrille/record';
import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { Outgoing } from '../round.ts';
import { type FetchedRecord, inputRecord, readBatches } from './batch-read.ts';
import { produceRequest, ROOM, type TopicData } from './batch-write.ts';
import { crc32c } from './crc32c.ts';
import { encodedSize } from './producer.ts';
import './kafkajs.ts';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder');

/** What a file of kafkajs exports without our guards. */
function bare<T>(path: string): T {
  const file = require.resolve(`kafkajs/src/${path}`);
  const guarded = require.cache[file]!;
  delete require.cache[file];
  try {
    return require(file);
  } finally {
    require.cache[file] = guarded;
  }
}

interface Encoded {
  encode(): Promise<{ buffer: Buffer }>;
}
const bareProduce = bare<(options: object) => Encoded>('protocol/requests/produce/v3/request');
const guardedProduce: typeof bareProduce = require('kafkajs/src/protocol/requests/produce/v3/request');
const bareDecode = bare<(decoder: object) => Promise<KafkaMessage[]>>('protocol/requests/fetch/v4/decodeMessages');
const guardedDecode: typeof bareDecode = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');

/** Numbers below `n`, the same ones in every run. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const LENGTHS = [0, 1, 7, 62, 63, 64, 65, 127, 128, 300, 8_190, 8_192, 16_500];
const NAMES = ['h', 'quadrille', 'ein-Schlüssel', 'n'.repeat(70), '🎺'];

function messageOf(below: (n: number) => number): Message {
  const bytes = (): Buffer => Buffer.alloc(LENGTHS[below(LENGTHS.length)]!, below(256));
  const any = (): Buffer | string | null => [null, bytes(), 'kürzer', 'x'.repeat(below(90))][below(4)]!;
  const headers: IHeaders = {};
  for (let n = below(4); n > 0; n--) {
    const one = (): Buffer | string => (below(2) === 0 ? bytes() : 'wért');
    headers[NAMES[below(NAMES.length)]!] = below(3) === 0 ? [one(), one()] : one();
  }
  const message: Message = { key: any(), value: any(), timestamp: String(1_700_000_000_000 + below(2) * below(3e9)) };
  return below(4) === 0 ? message : { ...message, headers };
}

/** A request's only record set, with its length in front, as it stands in the answer to a fetch too. */
const recordSet = (messages: Message[], now = 0): Buffer =>
  produceRequest(-1, 1, [{ topic: 't', partitions: [{ partition: 0, messages }] }], now).subarray(ROOM + 23);
const packed = (value: Buffer, timestamp = '1700000000000'): Message => ({
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: { [HEADER]: value },
  timestamp,
});

test('CRC-32C: the vectors of RFC 3720, and what kafkajs computes, at every alignment and length', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
  const theirs = require('kafkajs/src/protocol/recordBatch/crc32C');
  const bytes = Buffer.from(Array.from({ length: 80 }, (_, i) => (i * 89) & 0xff));
  for (let start = 0; start < 10; start++)
    for (let end = start; end <= 80; end++)
      assert.equal(crc32c(bytes, start, end), theirs(bytes.subarray(start, end)), `${start} to ${end}`);
});

describe('writing', () => {
  test('a request is the one kafkajs makes, whatever keys, values and headers are', async () => {
    const below = numbers(11);
    for (let run = 0; run < 60; run++) {
      const topicData = Array.from({ length: 1 + below(3) }, (_, t): TopicData & { partitions: object[] } => ({
        topic: `topic.${'é'.repeat(t)}`,
        partitions: Array.from({ length: 1 + below(3) }, (_, partition) => ({
          partition,
          firstSequence: 0,
          messages: Array.from({ length: 1 + below(run === 0 ? 9_000 : 90) }, () => messageOf(below)),
        })),
      }));
      const asked = { acks: -1, timeout: 15_000, producerId: -1, producerEpoch: 0, topicData };
      const { buffer } = await guardedProduce(asked).encode();
      const theirs = await bareProduce(asked).encode();
      assert.ok(buffer.equals(theirs.buffer), `run ${run}`);
    }
  });

  test('what we never send is left to kafkajs: compressed, transactional, idempotent', async () => {
    const messages = [packed(Buffer.from('x'))];
    const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 3, messages }] }];
    const plain = { acks: -1, timeout: 1, topicData };
    for (const more of [{ compression: 1 }, { transactionalId: 'x' }, { producerId: 7, producerEpoch: 1 }]) {
      const ours = await guardedProduce({ ...plain, ...more }).encode();
      const theirs = await bareProduce({ ...plain, ...more }).encode();
      assert.ok(ours.buffer.equals(theirs.buffer), JSON.stringify(more));
    }
  });

  test('timestamps of any distance are exact, the greatest is the batch’s, and one that is missing is now', async () => {
    const times = [5, 2 ** 40, 0, 2 ** 30, 2 ** 30 - 1, 2 ** 34, 2 ** 35, 64, 2 ** 51];
    const set = recordSet(times.map((time) => packed(Buffer.from('x'), String(time))));
    const read: KafkaMessage[] = await bareDecode(new Decoder(set));
    assert.deepEqual(
      read.map(({ timestamp }) => Number(timestamp)),
      times,
    );
    assert.deepEqual(
      readBatches(set.subarray(4))!.map(({ time }) => time),
      times,
    );
    assert.equal(set.readBigInt64BE(4 + 35), 2n ** 51n);
    const unstamped = recordSet([{ value: 'a', timestamp: '1000' }, { value: 'b' }], 2_000);
    assert.equal(unstamped.readBigInt64BE(4 + 35), 2_000n);
  });

  test('a header that is null stays null, on which kafkajs throws; what is no bytes is refused', async () => {
    const nothing = null as unknown as Buffer;
    const headers = { a: nothing, b: [nothing, 'x'] };
    const set = recordSet([
      { key: null, value: null, headers, timestamp: '1' },
      { value: null, headers: { [HEADER]: nothing }, timestamp: '1' },
    ]);
    const [read, own] = readBatches(set.subarray(4))!;
    assert.deepEqual(own!.headers, { [HEADER]: null });
    assert.deepEqual(read!.headers, { a: null, b: [null, Buffer.from('x')] });
    assert.deepEqual((await bareDecode(new Decoder(set)))[0]!.headers, read!.headers);
    const topicData = [
      { topic: 't', partitions: [{ partition: 0, messages: [{ value: 'x', headers: { a: null } }] }] },
    ];
    await assert.rejects(bareProduce({ acks: -1, timeout: 1, topicData }).encode(), TypeError);
    assert.throws(() => recordSet([{ value: 5 as unknown as Buffer }]), TypeError);
    assert.throws(() => recordSet([{ value: 'x', timestamp: 'noon' }]), TypeError);
  });

  test('what a message is estimated at is never less than what it takes', () => {
    const below = numbers(23);
    const rest = recordSet([]).length;
    for (let run = 0; run < 500; run++) {
      const message = { headers: {}, ...messageOf(below) };
      const { headers } = message;
      if (run % 5 === 0) headers['ü'.repeat(below(90))] = null as unknown as Buffer;
      assert.ok(recordSet([message]).length - rest <= encodedSize(message as Outgoing), `run ${run}`);
    }
  });

  test('a request has the header kafkajs gives it', async () => {
    const theirs = bare<(request: object) => Promise<{ buffer: Buffer }>>('protocol/request');
    const ours: typeof theirs = require('kafkajs/src/protocol/request');
    const Encoder = require('kafkajs/src/protocol/encoder');
    const topicData = [{ topic: 't', partitions: [{ partition: 0, messages: [packed(Buffer.from('x'))] }] }];
    const plain = async () => new Encoder().writeString('body');
    const { encode: roomy } = guardedProduce({ acks: -1, timeout: 1, topicData });
    for (const clientId of ['ä client', 'x'.repeat(290), '', null, undefined]) {
      for (const encode of [plain, roomy]) {
        const asked = { correlationId: 70_000, clientId, request: { apiKey: 1, apiVersion: 11, encode } };
        assert.ok((await ours(asked)).buffer.equals((await theirs(asked)).buffer));
      }
    }
  });
});

describe('reading', () => {
  const same = (ours: readonly FetchedRecord[], theirs: readonly KafkaMessage[]): void => {
    assert.equal(ours.length, theirs.length);
    for (const [i, their] of theirs.entries()) {
      const { offset, timestamp, key, value, headers, attributes, isControlRecord } = ours[i]!;
      const { batchContext, magicByte, ...rest } = their as KafkaMessage & { batchContext: object; magicByte: number };
      assert.deepEqual({ offset, timestamp, key, value, headers, attributes, isControlRecord }, rest);
    }
  };

  test('batches give what kafkajs reads in them, and one that is cut off is left out', async () => {
    const below = numbers(5);
    for (let run = 0; run < 40; run++) {
      const sets = Array.from({ length: 1 + below(3) }, (_, n) => {
        const set = recordSet(Array.from({ length: 1 + below(30) }, () => messageOf(below))).subarray(4);
        set.writeBigInt64BE(BigInt(n) * 2n ** 33n + 17n, 0);
        return set;
      });
      const all = Buffer.concat(sets);
      const bytes = all.subarray(0, run % 2 === 0 ? all.length : all.length - below(sets.at(-1)!.length));
      const length = Buffer.alloc(4);
      length.writeInt32BE(bytes.length);
      same(readBatches(bytes)!, await bareDecode(new Decoder(Buffer.concat([length, bytes]))));
    }
  });

  test('a record may be older than its batch’s base, which kafkajs picks as text', async () => {
    const messages = ['9', '10', String(2 ** 40)].map((time) => packed(Buffer.from('x'), time));
    const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
    const set = (await bareProduce({ acks: -1, timeout: 1, topicData }).encode()).buffer.subarray(23);
    assert.equal(set.readBigInt64BE(4 + 27), 10n);
    const ours = readBatches(set.subarray(4))!;
    same(ours, await bareDecode(new Decoder(set)));
    assert.equal(ours[0]!.time, 9);
  });

  test('times the broker gave, transactions and control batches are told by the batch', async () => {
    for (const attributes of [0x08, 0x10, 0x20, 0x30, 0x38]) {
      const set = recordSet([packed(Buffer.from('x'), '1000'), packed(Buffer.from('y'), '3000')]);
      set.writeInt16BE(attributes, 4 + 21);
      const ours = readBatches(set.subarray(4))!;
      same(ours, await bareDecode(new Decoder(set)));
      assert.equal(ours[0]!.batchContext.inTransaction, (attributes & 0x10) !== 0);
      assert.equal(ours[0]!.time, attributes & 0x08 ? 3000 : 1000);
    }
  });

  test('compressed batches, older formats and numbers beyond 2^53 are read by kafkajs', async () => {
    const messages = [packed(Buffer.from('x'))];
    const topicData = [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages }] }];
    const compressed = await bareProduce({ acks: -1, timeout: 1, compression: 1, topicData }).encode();
    const set = compressed.buffer.subarray(23);
    assert.equal(readBatches(set.subarray(4)), undefined);
    const decoder = new Decoder(Buffer.concat([set, Buffer.from('rest')]));
    const [read] = await guardedDecode(decoder);
    assert.deepEqual(read!.headers, { [HEADER]: Buffer.from('x') });
    assert.equal(decoder.readAll().toString(), 'rest');

    const far = recordSet(messages).subarray(4);
    far.writeBigInt64BE(2n ** 60n, 27);
    assert.equal(readBatches(far), undefined);
    const old = recordSet(messages).subarray(4);
    old[16] = 1;
    assert.equal(readBatches(old), undefined);
  });

  test('lengths that do not fit together are an error, never bytes of another record', () => {
    const whole = recordSet([packed(Buffer.from('abc')), packed(Buffer.from('def'))]).subarray(4);
    const key = whole.indexOf('\x02k');
    for (const [at, byte] of [
      [61, 0x7e], // the record
      [key, 0x40], // its key
      [key + 2, 0x3e], // its value
      [61, 0x01], // less than nothing
    ] as const) {
      const bytes = Buffer.from(whole);
      bytes[at] = byte;
      assert.throws(() => readBatches(bytes), RangeError);
    }
    // Of a batch: without the check the same one would be read for ever.
    whole.writeInt32BE(-12, 8);
    assert.throws(() => readBatches(whole), RangeError);
  });

  test('a header of any name is its own, also `__proto__` and `toString`', () => {
    const headers = Object.fromEntries([
      ['__proto__', 'a'],
      ['toString', 'b'],
    ]);
    const [read] = readBatches(recordSet([{ value: 'x', headers, timestamp: '1' }]).subarray(4))!;
    assert.deepEqual(Object.entries(read!.headers).map(String), ['__proto__,a', 'toString,b']);
  });

  test('an input record has the packed header, and all of them only where there are others', () => {
    const other = { ...packed(Buffer.from('p')), headers: { [HEADER]: Buffer.from('p'), a: 'b' } };
    const bytes = recordSet([packed(Buffer.from('p')), other, { value: null, timestamp: '5' }]).subarray(4);
    const [alone, beside, none] = readBatches(bytes)!.map((read) => inputRecord('t', 3, read as never));
    assert.deepEqual([alone!.header, alone!.headers], [Buffer.from('p'), undefined]);
    assert.deepEqual(
      [beside!.header, beside!.headers],
      [Buffer.from('p'), { [HEADER]: Buffer.from('p'), a: Buffer.from('b') }],
    );
    assert.deepEqual([none!.header, none!.headers, none!.key, none!.bytes], [undefined, undefined, null, null]);
    assert.deepEqual([none!.topic, none!.partition, none!.offset, none!.timestamp], ['t', 3, 2, 5]);
  });

  test('a batch leaves out what stands before the offset asked for, as kafkajs’s own does', () => {
    type BatchClass = new (topic: string, offset: string, fetched: object) => Record<string, unknown>;
    const theirs = bare<BatchClass>('consumer/batch');
    const ours: BatchClass = require('kafkajs/src/consumer/batch');
    const bytes = recordSet(Array.from({ length: 5 }, () => packed(Buffer.from('x')))).subarray(4);
    const control = Buffer.from(bytes);
    control.writeInt16BE(0x30, 21);
    for (const messages of [readBatches(bytes)!, readBatches(control)!, []]) {
      for (const abortedTransactions of [[], null, [{ producerId: '-1', firstOffset: '2' }]]) {
        for (const offset of ['0', '3', '9']) {
          const fetched = { partition: 1, highWatermark: '12', abortedTransactions, messages };
          const batch = new ours('t', offset, fetched);
          assert.ok(batch instanceof ours);
          const expected = new theirs('t', offset, fetched);
          assert.deepEqual({ ...batch }, { ...expected });
          for (const name of ['isEmpty', 'lastOffset', 'firstOffset', 'isEmptyDueToFiltering'] as const)
            assert.equal((batch[name] as () => unknown)(), (expected[name] as () => unknown)(), `${name} at ${offset}`);
        }
      }
    }
  });
});
