/**
 * The servers that tests use: one stack for a whole run, started by `npm test`, known by the addresses in the
 * environment. A test file run alone without them skips and says so.
 */
import { connectKafka, createLog, type KafkaAccess, KafkaAdmin, Registry } from '@quadrille/station';

export interface Addresses {
  brokers: string[];
  registryUrl: string;
  databaseUrl: string;
  /** TLS and SASL of the test's own clients. */
  access?: KafkaAccess;
}

const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL } = process.env;

/** For `{ skip }` of a test: why it cannot run, or false. */
export const noServers: string | false =
  KAFKA_BROKERS && SCHEMA_REGISTRY_URL && DATABASE_URL
    ? false
    : 'no KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL: run `npm test -- PATH`';

export const givenAddresses = (): Addresses => ({
  brokers: (KAFKA_BROKERS ?? '').split(','),
  registryUrl: SCHEMA_REGISTRY_URL ?? '',
  databaseUrl: DATABASE_URL ?? '',
});

/** The clients of one fixture: `close` leaves no connection behind. */
export class Clients {
  readonly addresses: Addresses;
  readonly kafka;
  readonly admin: KafkaAdmin;
  /** kafkajs's own, for what only tests do to topics and groups. */
  readonly raw;
  readonly producer;
  readonly registry: Registry;

  constructor(addresses: Addresses) {
    this.addresses = addresses;
    const log = createLog({ station: 'test' }, process.env.QUADRILLE_TEST_LOG ?? 'silent');
    const { brokers, access } = addresses;
    this.kafka = connectKafka(
      { brokers, clientId: 'test', sessionTimeoutMs: 10_000, ...(access === undefined ? {} : { access }) },
      log,
    );
    this.admin = new KafkaAdmin(this.kafka);
    this.raw = this.kafka.admin();
    this.producer = this.kafka.producer({ allowAutoTopicCreation: false });
    this.registry = new Registry(addresses.registryUrl);
  }

  async open(): Promise<void> {
    await Promise.all([this.raw.connect(), this.producer.connect()]);
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.raw.disconnect(), this.producer.disconnect(), this.admin.close()]);
  }
}
