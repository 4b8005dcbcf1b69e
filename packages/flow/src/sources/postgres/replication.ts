/** The source `postgres-replication`: every change of a table, as PostgreSQL's log has it (logical replication, pgoutput). */
import type { Shard, ShardReader, Source, SourceContext, SourcePosition, SourceType } from '../../source.ts';
import { type TableConfig, tableProperties } from './connect.ts';
import { ReplicationReader } from './replication-reader.ts';
import type { ReplicationPosition } from './replication-start.ts';

export interface ReplicationConfig extends TableConfig {
  slot?: string;
  publication?: string;
  snapshot?: number;
  truncate?: 'stop' | 'ignore';
}

/** Example: `customers: { extractor: { type: postgres-replication, table: customers }, to: crm.customers }` */
export const postgresReplication: SourceType<ReplicationConfig> = {
  type: 'postgres-replication',
  doc: 'Every change of a table of PostgreSQL 13 or newer in the order of commits, by logical replication (pgoutput), after a snapshot without gap. The id is the primary key, the version the place of the change in the log.',
  traits: { endless: true, rewindable: false, deletes: true, knowsNull: true, brings: ['id', 'version'] },
  config: {
    type: 'object',
    properties: {
      ...tableProperties,
      slot: {
        description:
          'Name of the replication slot, made at the first start; of this station alone. Default: quadrille_FLOW_STATION.',
        type: 'string',
        pattern: '^[a-z0-9_]{1,63}$',
      },
      publication: {
        description: 'Name of the publication; made at the first start if it is absent. Default: the name of the slot.',
        type: 'string',
        minLength: 1,
        maxLength: 63,
      },
      snapshot: {
        description:
          'The rows that stand are read first. Raised by one, they are read anew, from a new slot. 0: only changes from the first start on.',
        type: 'integer',
        minimum: 0,
        default: 1,
      },
      truncate: {
        description:
          'What TRUNCATE does, of which the log does not say which rows it took. `stop`: the station stops (SOURCE_EMPTIED). `ignore`: its rows stay in the target.',
        enum: ['stop', 'ignore'],
        default: 'stop',
      },
    },
    required: ['table'],
    additionalProperties: false,
  },
  create: (config, context) => new ReplicationSource(config, context),
};

class ReplicationSource implements Source {
  readonly #config: ReplicationConfig;
  readonly #context: SourceContext;

  constructor(config: ReplicationConfig, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  async shards(): Promise<Shard[]> {
    return [{ name: `${this.#config.schema ?? 'public'}.${this.#config.table}` }];
  }

  async open(shard: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const { slot = slotName(this.#context), publication = slot, snapshot = 1, truncate = 'stop' } = this.#config;
    const config = { ...this.#config, slot, publication, snapshot, truncate };
    return new ReplicationReader(config, this.#context, shard.name, from as ReplicationPosition | undefined);
  }
}

/** Names of slots are lower case letters, digits and underscores, 63 at most. */
export const slotName = ({ flow, station }: Pick<SourceContext, 'flow' | 'station'>): string =>
  `quadrille_${flow}_${station}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 63);
