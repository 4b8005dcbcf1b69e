/** For guards*.test.ts only: kafkajs without this package's settings, and a topic of the test's own. */
import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';

export const brokers = process.env.KAFKA_BROKERS;
/** For `{ skip }` of a test. */
export const noBroker: string | false = brokers ? false : 'no KAFKA_BROKERS: run `npm test -- PATH`';

export class BareClient implements AsyncDisposable {
  readonly topic = `guards-${randomBytes(4).toString('hex')}`;
  readonly group = `${this.topic}.group`;
  readonly kafka = new Kafka({ brokers: (brokers ?? '').split(','), logLevel: logLevel.NOTHING });
  readonly admin = this.kafka.admin();
  readonly producer = this.kafka.producer({ allowAutoTopicCreation: false });
  readonly #closing: (() => Promise<unknown>)[] = [];
  readonly #topics: string[] = [];

  /** With the topic created. */
  static async open(partitions: number): Promise<BareClient> {
    const bare = new BareClient();
    await Promise.all([bare.admin.connect(), bare.producer.connect()]);
    await bare.create(bare.topic, partitions);
    return bare;
  }

  async create(topic: string, numPartitions: number): Promise<void> {
    this.#topics.push(topic);
    await this.admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: false });
    await eventually(async () => (await this.admin.fetchTopicOffsets(topic).catch(() => [])).length === numPartitions);
  }

  async send(partition: number, ...values: string[]): Promise<void> {
    await this.producer.send({
      topic: this.topic,
      messages: values.map((value) => ({ value, partition, timestamp: '1' })),
    });
  }

  async offsetOf(partition: number): Promise<{ offset: string; metadata: string | null }> {
    const [answer] = await this.admin.fetchOffsets({ groupId: this.group, topics: [this.topic] });
    return answer!.partitions.find((each) => each.partition === partition)!;
  }

  /** Closed before the client itself, the last one first. */
  closing(close: () => Promise<unknown>): void {
    this.#closing.unshift(close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) await close().catch(() => {});
    await this.admin.deleteTopics({ topics: this.#topics }).catch(() => {});
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()]);
  }
}

/** Asks until it holds. @throws after a minute */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`waited a minute in vain for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
