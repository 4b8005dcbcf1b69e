/** The source `postgres-cursor`: a table as it stands, and then the rows whose cursor has grown. */
import type { Shard, ShardReader, Source, SourceContext, SourcePosition, SourceType } from '../../source.ts';
import { type TableConfig, tableProperties } from './connect.ts';
import { CursorReader } from './cursor-reader.ts';
import type { CursorPosition } from './cursor-start.ts';

export interface CursorConfig extends TableConfig {
  cursor: string;
  deleted?: string;
  late?: number;
  pollMs?: number;
  snapshot?: number;
}

/** Example: `customers: { extractor: { type: postgres-cursor, table: customers, cursor: updated_at }, to: crm.customers }` */
export const postgresCursor: SourceType<CursorConfig> = {
  type: 'postgres-cursor',
  doc: 'A table of PostgreSQL 13 or newer: the rows that stand, then those whose cursor column has grown, asked for at intervals; late commits are not passed over. Deletions are seen only where a column tells them. The id is the primary key, the version the cursor.',
  traits: { endless: true, rewindable: false, deletes: true, knowsNull: true, brings: ['id', 'version'] },
  config: {
    type: 'object',
    properties: {
      ...tableProperties,
      cursor: {
        description:
          'A column that grows with each change of a row: a time of change, or a whole number. Best with an index on it and the primary key.',
        type: 'string',
        minLength: 1,
      },
      deleted: {
        description: 'A column that tells that a row is deleted: by true, or by not being null.',
        type: 'string',
        minLength: 1,
      },
      late: {
        description:
          'How much older a value may be than the begin of its transaction, where not the server’s clock gives it: of times in seconds, else in units. Default: 10 seconds, 0 units.',
        type: 'number',
        minimum: 0,
      },
      pollMs: {
        description: 'Pause between two polls, in ms; longer where a poll takes long.',
        type: 'integer',
        minimum: 10,
        default: 1_000,
      },
      snapshot: {
        description:
          'The rows that stand are read first. Raised by one, they are read anew. 0: only changes from the first start on.',
        type: 'integer',
        minimum: 0,
        default: 1,
      },
    },
    required: ['table', 'cursor'],
    additionalProperties: false,
  },
  create: (config, context) => new CursorSource(config, context),
};

class CursorSource implements Source {
  readonly #config: CursorConfig;
  readonly #context: SourceContext;

  constructor(config: CursorConfig, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  async shards(): Promise<Shard[]> {
    return [{ name: `${this.#config.schema ?? 'public'}.${this.#config.table}` }];
  }

  open(shard: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    const { pollMs = 1_000, snapshot = 1 } = this.#config;
    const plan = { ...this.#config, pollMs, snapshot };
    return CursorReader.open(plan, this.#context, shard.name, from as CursorPosition | undefined);
  }
}
