/** The source `webhook`: others call, and are answered when what they brought is settled. */
import { Fault, partitionOf } from '@quadrille/record';
import type { ConfigProblem } from '../../config-schema.ts';
import { POINTER } from '../../http/pointer.ts';
import type {
  Settled,
  Shard,
  ShardReader,
  Source,
  SourceChunk,
  SourceContext,
  SourcePosition,
  SourceType,
} from '../../source.ts';
import { parserOf } from '../exact-json.ts';
import { Calls, type Given } from './calls.ts';
import { isOwn, Listener, readAddress } from './listener.ts';
import { Signature, type SignatureConfig, signatureProperty } from './signature.ts';

export interface WebhookConfig {
  listen?: string;
  route?: string;
  items?: string;
  idempotencyKey?: string;
  signature?: SignatureConfig;
  maxBytes?: number;
  pending?: { items?: number; bytes?: number };
  timeoutMs?: number;
}

const LISTEN = '127.0.0.1:8480';
const MAX_BYTES = 1_048_576;
const PENDING = { items: 10_000, bytes: 33_554_432 };
const TIMEOUT_MS = 30_000;
/** Where a process listens in place of `listen`. */
const VARIABLE = 'QUADRILLE_WEBHOOK';

/**
 * Example:
 *
 *     orders:
 *       extractor:
 *         type: webhook
 *         listen: 127.0.0.1:8480
 *         route: /orders
 *         idempotencyKey: Idempotency-Key
 *         signature: { secret: ORDERS_SECRET }
 *       to: orders.placed
 */
export const webhook: SourceType<WebhookConfig> = {
  type: 'webhook',
  doc: 'Items that others POST: a JSON object, or a list of them. Answered with 202 once Kafka has everything, 422 with code, field and help for what became a dead letter, 429 or 503 with `Retry-After` for what must come again. With `idempotencyKey` items bring an id and a version; without, the flow file names them.',
  config: {
    type: 'object',
    properties: {
      listen: {
        description: `host:port; only this machine unless calls are signed. The environment variable \`${VARIABLE}\` goes before.`,
        type: 'string',
        pattern: '^(\\[[^\\]]+\\]|[^:]+):\\d{1,5}$',
        default: LISTEN,
      },
      route: { description: 'The path that is called.', type: 'string', pattern: '^/[A-Za-z0-9/._~-]*$', default: '/' },
      items: {
        description: 'Where a list of items stands in a call, a JSON Pointer; absent: a call is an item, or a list.',
        type: 'string',
        pattern: POINTER,
      },
      idempotencyKey: {
        description:
          'Header with a key of each call, the same when it is repeated. It is the id of the record; of a list `key/0`, `key/1` and so on.',
        type: 'string',
        minLength: 1,
      },
      signature: signatureProperty,
      maxBytes: {
        description: 'The largest body.',
        type: 'integer',
        minimum: 1024,
        maximum: 67_108_864,
        default: MAX_BYTES,
      },
      pending: {
        description: 'What may wait for a verdict in one process; beyond it callers are asked to wait (429).',
        type: 'object',
        properties: {
          items: { type: 'integer', minimum: 1, default: PENDING.items },
          bytes: { type: 'integer', minimum: 65_536, default: PENDING.bytes },
        },
        additionalProperties: false,
      },
      timeoutMs: {
        description: 'A call waits so long for its answer, in ms; then 503, and it must come again.',
        type: 'integer',
        minimum: 1_000,
        default: TIMEOUT_MS,
      },
    },
    additionalProperties: false,
  },
  traits: { endless: true, rewindable: false, knowsNull: true, brings: ['id', 'version'] },
  check,
  listens: ({ listen }) => ({ port: readAddress(listen ?? LISTEN)!.port, variable: VARIABLE }),
  create: (config, context) => new WebhookSource(config, context),
};

function check(
  { idempotencyKey, signature, maxBytes = MAX_BYTES, pending }: WebhookConfig,
  { id, version }: { id?: string | undefined; version?: string | undefined },
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (idempotencyKey === undefined && id === undefined)
    problems.push({
      path: [],
      what: 'nothing says who a record is',
      help: 'name the header of a key under `idempotencyKey`, or fields under `id` and `version`',
    });
  if (id !== undefined && version === undefined)
    problems.push({
      path: ['id'],
      what: 'calls with one id may come in any order, and nothing tells the newer of two',
      help: 'name a field under `version` that tells it, or leave `id` to `idempotencyKey`',
    });
  if (idempotencyKey === undefined && signature?.content?.includes('{key}') === true)
    problems.push({ path: ['signature', 'content'], what: 'there is no key without `idempotencyKey`' });
  if ((pending?.bytes ?? PENDING.bytes) < maxBytes)
    problems.push({ path: ['pending'], what: 'not even one call of `maxBytes` has room', help: 'raise `bytes`' });
  return problems;
}

class WebhookSource implements Source {
  readonly #context: SourceContext;
  readonly #calls: Calls;
  readonly #listener: Listener;
  readonly #shards: Shard[];
  #listening: Promise<void> | undefined;
  #readers = 0;

  /** @throws Fault CONFIG_INVALID: no address, no secret, or callable by others without one */
  constructor(config: WebhookConfig, context: SourceContext) {
    const { idempotencyKey, items, route = '/', maxBytes = MAX_BYTES, timeoutMs = TIMEOUT_MS } = config;
    const { env, schema, lanes, lag } = context;
    const signature = config.signature && new Signature(config.signature, idempotencyKey !== undefined, env);
    this.#context = context;
    this.#calls = new Calls({ ...PENDING, ...config.pending }, (waiting) => lag(route, { records: waiting }));
    this.#listener = new Listener({
      ...addressOf(config, env),
      route,
      maxBytes,
      timeoutMs,
      idempotencyKey,
      items,
      signature,
      calls: this.#calls,
      isOpen: () => this.#readers > 0,
      parse: parserOf(schema),
    });
    this.#shards = shardsFor(route, lanes);
  }

  async shards(): Promise<Shard[]> {
    this.#listening ??= this.#listener.open().then(({ host, port }) => {
      this.#context.log.info({ host, port }, 'listening for calls');
    });
    await this.#listening;
    return this.#shards;
  }

  async open(_: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    await this.shards();
    this.#readers++;
    return new WebhookReader(this.#calls, from?.row ?? 0, () => this.#readers--);
  }

  async close(): Promise<void> {
    await this.#listener.close();
  }
}

function addressOf({ listen, signature }: WebhookConfig, env: SourceContext['env']): { host: string; port: number } {
  const text = env[VARIABLE] || listen || LISTEN;
  const place = env[VARIABLE] ? VARIABLE : '`listen`';
  const address = readAddress(text);
  if (address === undefined)
    throw new Fault('CONFIG_INVALID', `${JSON.stringify(text)} is not host:port`, { place, help: `e.g. ${LISTEN}` });
  if (signature === undefined && !isOwn(address.host))
    throw new Fault('CONFIG_INVALID', `${address.host} can be reached from other machines, and calls are not signed`, {
      place,
      help: 'name the secret under `signature` of the source, or listen on 127.0.0.1',
    });
  return address;
}

/** A shard for every lane, so that each process that owns one has somebody who reads. */
function shardsFor(route: string, lanes: number): Shard[] {
  const names = new Map<number, string>();
  for (let i = 0; names.size < lanes; i++) {
    const name = `${route}@${i}`;
    const lane = partitionOf(Buffer.from(name), lanes);
    if (!names.has(lane)) names.set(lane, name);
  }
  return [...names.values()].sort().map((name) => ({ name }));
}

class WebhookReader implements ShardReader {
  readonly #calls: Calls;
  readonly #onClose: () => void;
  #row: number;
  /** Given out and not settled, in order; the first is item number `#settled`. */
  #given: Given[] = [];
  #settled: number;
  #caughtUp = false;

  constructor(calls: Calls, row: number, onClose: () => void) {
    this.#calls = calls;
    this.#row = row;
    this.#settled = row;
    this.#onClose = onClose;
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    for (;;) {
      if (this.#calls.empty && !this.#caughtUp) return this.#chunk([]);
      await this.#calls.some(stop);
      if (stop?.aborted === true) return this.#chunk([]);
      const given = this.#calls.take(max);
      // Another shard of this process may have been quicker.
      if (given.length > 0) return this.#chunk(given);
    }
  }

  #chunk(given: readonly Given[]): SourceChunk {
    this.#given.push(...given);
    this.#row += given.length;
    const items = given.map(({ call, index }) => call.items[index]!);
    this.#caughtUp = this.#calls.empty;
    return { items, next: { row: this.#row }, end: false, ...(this.#caughtUp && { caughtUp: true }) };
  }

  async acknowledge({ position, rejected }: Settled): Promise<void> {
    const settled = this.#given.splice(0, position.row - this.#settled);
    for (const given of settled) this.#calls.settle(given, rejected.get(this.#settled++));
  }

  async close(): Promise<void> {
    this.#onClose();
    this.#calls.giveBack(this.#given);
    this.#given = [];
  }
}
