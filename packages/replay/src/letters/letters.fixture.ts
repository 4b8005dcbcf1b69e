/** Dead letters for tests: rows in a schema of the test's own, values under a schema in the registry. */
import { randomBytes } from 'node:crypto';
import { Encoder, typeOf } from '@quadrille/flow';
import { connectKafka, createLog, KafkaAdmin, Registry } from '@quadrille/station';
import { auditApplies } from '../audit.ts';
import { openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import type { Caller, Decisions, Ground } from '../model.ts';
import { letterApplies } from './apply.ts';
import { linkRange } from './link.ts';

const { KAFKA_BROKERS = '', SCHEMA_REGISTRY_URL = '', DATABASE_URL = '' } = process.env;
export const noServers =
  [KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL].includes('') && 'no KAFKA_BROKERS: run `npm test -- PATH`';

export const SCHEMA = {
  type: 'record',
  name: 'Item',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: ['null', 'int'], default: null },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' }, default: 0 },
    { name: 'secret', type: 'string', default: '', sensitivity: 'personal', doc: 'Not for everybody.' },
  ],
};

export const ANNA: Caller = { name: 'anna', role: 'operate' };
export const BEN: Caller = { name: 'ben', role: 'operate' };

export interface Given {
  id: string;
  offset: number;
  n?: number | null;
  code?: string;
  field?: string | null;
  fingerprint?: string;
  flow?: string;
  station?: string;
  partition?: number;
  revision?: number;
  /** Minutes after midnight of 2026-01-02. */
  minute?: number;
  /** Bytes as they stand, instead of a value of the schema. */
  bytes?: Buffer;
  raw?: boolean;
  /** Offset in the source partition; 1,000 above `offset` unless said. */
  source?: number;
}

export type TestGround = Pick<Ground, 'database' | 'registry' | 'kafka' | 'admin' | 'log'>;

export class Letters implements AsyncDisposable {
  readonly ground: TestGround;
  readonly topic: string;
  readonly schema: string;
  /** Applies at once, as one does that has written to Kafka. */
  readonly decisions: Decisions = {
    async decide(tx, decisions) {
      for (const decision of decisions) await { ...letterApplies, ...auditApplies }[decision.kind]!(tx, decision);
    },
  };
  #encoder!: Encoder;

  private constructor() {
    const suffix = randomBytes(4).toString('hex');
    this.topic = `items-${suffix}`;
    this.schema = `replay_l${suffix}`;
    const log = createLog({ test: 'letters' }, 'silent');
    const kafka = connectKafka(
      { brokers: KAFKA_BROKERS.split(','), clientId: `letters-${suffix}`, sessionTimeoutMs: 30_000 },
      log,
    );
    this.ground = {
      database: openDatabase(DATABASE_URL, this.schema, 6),
      registry: new Registry(SCHEMA_REGISTRY_URL),
      kafka,
      admin: new KafkaAdmin(kafka),
      log,
    };
  }

  static async open(): Promise<Letters> {
    const letters = new Letters();
    await migrate(letters.ground.database, letters.schema);
    const id = await letters.ground.registry.register(`${letters.topic}-value`, JSON.stringify(SCHEMA));
    letters.#encoder = new Encoder(typeOf(SCHEMA), id);
    return letters;
  }

  encode(value: object): Buffer {
    return Buffer.from(this.#encoder.encode({ n: null, at: 0, secret: 's', ...value }));
  }

  /** Records of the dead-letter topic that a live part claims. @returns ids of the dead letters, in the order given. */
  async add(...given: Given[]): Promise<string[]> {
    const { database } = this.ground;
    const topic = `dlq.${this.topic}`;
    const ids: string[] = [];
    for (const each of given) {
      const { id, offset, n = null, code = 'TOO_BAD', field = 'n', fingerprint = '00000000000000a1' } = each;
      const { flow = 'f', station = 'judge', partition = 0, revision = 0, minute = offset, raw = false } = each;
      const at = new Date(Date.UTC(2026, 0, 2, 0, minute)).toISOString();
      const value = each.bytes ?? this.encode({ id, n });
      const rows = await database.transaction(async (tx) => {
        await tx.query(
          `insert into letter_record (topic, partition, record_offset, flow, station, record_id, version, revision, code,
             class, field, fingerprint, message, deliveries, first_at, last_at, source_topic, source_partition,
             source_offset, record_timestamp, key, value, headers)
           values ($1, $2, $3, $4, $5, $6, 7, $7, $8, 'rule', $9, $10, $11, 1, $12, $12, $13, $2, $14, 0, $15, $16, $17)`,
          [
            topic,
            partition,
            offset,
            flow,
            station,
            raw ? null : id,
            revision,
            code,
            field,
            fingerprint,
            `message of ${offset}`,
            at,
            raw ? `positions.${flow}.${station}` : this.topic,
            each.source ?? 1_000 + offset,
            raw ? null : Buffer.from(id),
            value,
            JSON.stringify([['other', Buffer.from('header').toString('base64')]]),
          ],
        );
        await tx.query(
          `insert into rejected_run values ($1, $2, $3::bigint, $3::bigint + 1, $4, $5, $6, $2, $3::bigint, $7) on conflict do nothing`,
          [topic, partition, offset, flow, station, this.topic, at],
        );
        await linkRange(tx, { topic, partition, from: offset, to: offset + 1 });
        return tx.query<{ dead_letter: string }>(
          'select dead_letter from letter_record where (topic, partition, record_offset) = ($1, $2, $3)',
          [topic, partition, offset],
        );
      });
      ids.push(rows[0]!.dead_letter);
    }
    return ids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { database, admin } = this.ground;
    await database.query(`drop schema if exists ${this.schema} cascade`);
    await Promise.allSettled([database.close(), admin.close()]);
  }
}
