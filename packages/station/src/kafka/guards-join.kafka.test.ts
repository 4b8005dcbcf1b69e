/** A defect of kafkajs 2.2.4 in joining a group, shown bare, then behind our guard; the order of these tests counts, as in guards-consume. */
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { createLog } from '../log.ts';
import { BareClient, brokers, eventually, noBroker } from './bare-client.ts';

/** Keys of Kafka's protocol, and the error that a coordinator gives which is about to stop. */
const JOIN_GROUP = 11;
const HEARTBEAT = 12;
const NOT_COORDINATOR = 16;

/** Stands between a client and the broker; does once what a broker does that is stopped and comes back. */
class Between implements AsyncDisposable {
  readonly #server = createServer((client) => this.#join(client));
  readonly #sockets = new Set<Socket>();
  /** The next heartbeat is answered with NOT_COORDINATOR, and the request to join that follows is cut off. */
  armed = false;
  #cutting = false;

  static async open(): Promise<Between> {
    const between = new Between();
    await new Promise<void>((resolve) => between.#server.listen(0, '127.0.0.1', resolve));
    return between;
  }

  get kafka(): Kafka {
    const { port } = this.#server.address() as AddressInfo;
    return new Kafka({
      brokers: (brokers ?? '').split(','),
      logLevel: logLevel.NOTHING,
      // Also for the address that the broker itself tells.
      socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port }, onConnect),
    });
  }

  #join(client: Socket): void {
    const [host, port] = (brokers ?? '').split(',')[0]!.split(':') as [string, string];
    const broker = connect({ host, port: Number(port) });
    for (const socket of [client, broker]) {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => [client, broker].forEach((each) => void each.destroy()));
    }
    broker.pipe(client);
    let waiting = Buffer.alloc(0);
    client.on('data', (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const frame = waiting.subarray(0, 4 + waiting.readInt32BE(0));
        waiting = waiting.subarray(frame.length);
        if (!this.#meddles(frame, client)) broker.write(frame);
      }
    });
  }

  #meddles(frame: Buffer, client: Socket): boolean {
    const key = frame.readInt16BE(4);
    if (this.armed && key === HEARTBEAT) {
      this.armed = false;
      this.#cutting = true;
      const answer = Buffer.alloc(14);
      answer.writeInt32BE(10, 0);
      frame.copy(answer, 4, 8, 12);
      answer.writeInt16BE(NOT_COORDINATOR, 12);
      return client.write(answer);
    }
    if (!this.#cutting || key !== JOIN_GROUP) return false;
    this.#cutting = false;
    client.destroy();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

test('bare: a join that fails is forgotten: the client goes on as the member it was, and never says what it owns', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  await using between = await Between.open();
  const consumer = between.kafka.consumer({ groupId: bare.group, maxWaitTimeInMs: 100, heartbeatInterval: 100 });
  bare.closing(() => consumer.disconnect());
  const told: string[] = [];
  for (const event of [consumer.events.GROUP_JOIN, consumer.events.REBALANCING, consumer.events.HEARTBEAT] as const)
    consumer.on(event, ({ type }) => void told.push(type.replace('consumer.', '')));
  await consumer.connect();
  await consumer.subscribe({ topic: bare.topic, fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: async () => {} });
  await eventually(() => told.includes('heartbeat'));
  between.armed = true;
  await eventually(() => told.includes('rebalancing') && told.slice(told.indexOf('rebalancing')).length > 3);
  const after = told.slice(told.indexOf('rebalancing') + 1);
  assert.deepEqual([...new Set(after)], ['heartbeat'], 'its heartbeats are taken, and it has joined nothing');
});

test('guarded: a join that fails is made good, and what the member owns is told again', {
  skip: noBroker,
}, async () => {
  await using bare = await BareClient.open(1);
  await using between = await Between.open();
  await bare.send(0, 'a');
  const { Member } = await import('./member.ts');
  const assigned: [number, number[]][] = [];
  let records = 0;
  const member = new Member(between.kafka, {
    group: bare.group,
    topic: bare.topic,
    sessionTimeoutMs: 10_000,
    fetchBytes: 1_000,
    log: createLog({ station: 'test' }, 'silent'),
    onAssigned: (epoch, partitions) => void assigned.push([epoch, partitions]),
    onRecords: (_, messages) => {
      records += messages.length;
    },
    onDead: (fault) => assert.fail(fault.format()),
  });
  bare.closing(() => member.stop());
  await member.start(true);
  await eventually(() => records === 1);
  between.armed = true;
  await eventually(() => assigned.length === 2);
  const [first, second] = assigned as [[number, number[]], [number, number[]]];
  assert.ok(second[0] > first[0]);
  assert.deepEqual(second[1], [0]);
  assert.equal(member.epoch, second[0]);
  await bare.send(0, 'b');
  await eventually(() => records >= 2);
  assert.ok(
    await member.commit(member.epoch, [{ partition: 0, offset: 2, metadata: '' }]),
    'it commits as the owner that it is',
  );
});
