/** The source `postgres-outbox`: changes that triggers write into a table beside, woken by NOTIFY. */
import type { Shard, ShardReader, Source, SourceContext, SourcePosition, SourceType } from '../../source.ts';
import { type TableConfig, tableProperties } from './connect.ts';
import { outboxReading } from './outbox-plan.ts';
import { OutboxReader } from './outbox-reader.ts';
import type { OutboxPosition } from './outbox-start.ts';

export interface OutboxConfig extends TableConfig {
  outbox?: string;
  listen?: boolean;
  pollMs?: number;
  snapshot?: number;
  truncate?: 'stop' | 'ignore';
}

/** Example: `customers: { extractor: { type: postgres-outbox, table: customers }, to: crm.customers }` */
export const postgresOutbox: SourceType<OutboxConfig> = {
  type: 'postgres-outbox',
  doc: 'Every change of a table of PostgreSQL 13 or newer, as triggers write it into an outbox, after the rows that stand. `quadrille source triggers` makes the triggers. The id is the primary key, the version the number of the change in the outbox, which forgets it once it is settled.',
  traits: { endless: true, rewindable: false, deletes: true, knowsNull: true, brings: ['id', 'version'] },
  config: {
    type: 'object',
    properties: {
      ...tableProperties,
      outbox: {
        description:
          'Name of the outbox, of its function, triggers and channel, in the schema of the table; of this station alone. Default: quadrille_FLOW_STATION.',
        type: 'string',
        pattern: '^[a-z0-9_]{1,54}$',
      },
      listen: {
        description: 'Changes wake the extractor (LISTEN, NOTIFY). false: only polls find them.',
        type: 'boolean',
        default: true,
      },
      pollMs: {
        description: 'Pause between two polls, in ms. Default: 10,000, without `listen` 1,000.',
        type: 'integer',
        minimum: 10,
      },
      snapshot: {
        description:
          'The rows that stand are read first. Raised by one, they are read anew. 0: only what is in the outbox.',
        type: 'integer',
        minimum: 0,
        default: 1,
      },
      truncate: {
        description:
          'What TRUNCATE does, of which no trigger tells the rows. `stop`: the station stops (SOURCE_EMPTIED). `ignore`: its rows stay in the target.',
        enum: ['stop', 'ignore'],
        default: 'stop',
      },
    },
    required: ['table'],
    additionalProperties: false,
  },
  create: (config, context) => new OutboxSource(config, context),
};

class OutboxSource implements Source {
  readonly #config: OutboxConfig;
  readonly #context: SourceContext;

  constructor(config: OutboxConfig, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  async shards(): Promise<Shard[]> {
    return [{ name: `${this.#config.schema ?? 'public'}.${this.#config.table}` }];
  }

  open(shard: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const reading = outboxReading(this.#config, this.#context);
    return OutboxReader.open(reading, this.#context, shard.name, from as OutboxPosition | undefined);
  }
}
