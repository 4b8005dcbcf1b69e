/** The lookup `http`: rows of an API, one request a key or one for many. */
import { Fault } from '@quadrille/record';
import { authorizationProperties } from '../http/authorization.ts';
import { POINTER, pointed } from '../http/pointer.ts';
import { type Answered, Requests, type RequestsConfig } from '../http/requests.ts';
import type { AnswerRow, Asked, AskedContext, AskedType } from '../lookup.ts';
import type { Environment } from '../secret.ts';
import { parseExactly } from './asked.ts';

export interface HttpLookupConfig extends RequestsConfig {
  path: string;
  row?: string;
  batch?: { size?: number; separator?: string; rows: string };
}

const CONNECTIONS = 8;
const TIMEOUT_MS = 10_000;
const BATCH = 50;

/**
 * Example:
 *
 *     rating:
 *       type: http
 *       address: RATINGS_URL
 *       path: /v1/ratings/{merchant}
 *       secretHeaders: { Authorization: RATINGS_AUTHORIZATION }
 *       on: { merchant: merchant_id }
 *       take: { score: merchant_score }
 */
export const http: AskedType<HttpLookupConfig> = {
  type: 'http',
  doc: 'Rows of an API as JSON objects, by GET. Status 404 and 410 mean that there is no row.',
  config: {
    type: 'object',
    properties: {
      address: {
        description: 'Name of the environment variable that holds the address, https://host/base.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      },
      path: {
        description:
          'Behind the address; `{field}` is a join field of the lookup, escaped. With `batch`: all keys of the request.',
        type: 'string',
        pattern: '^/',
      },
      row: {
        description: 'Where the row stands in the answer, a JSON Pointer; null there: no row.',
        type: 'string',
        pattern: POINTER,
        default: '',
      },
      batch: {
        description: 'Many keys in one request; only for joins by one field, which each row must have.',
        type: 'object',
        properties: {
          size: { description: 'Keys of one request.', type: 'integer', minimum: 2, maximum: 1_000, default: BATCH },
          separator: { description: 'Between the keys.', type: 'string', minLength: 1, default: ',' },
          rows: {
            description: 'Where the list of rows stands in the answer, a JSON Pointer.',
            type: 'string',
            pattern: POINTER,
          },
        },
        required: ['rows'],
        additionalProperties: false,
      },
      ...authorizationProperties,
      perSecond: { description: 'At most so many requests a second an instance.', type: 'number', exclusiveMinimum: 0 },
      connections: {
        description: 'At most so many requests at once.',
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: CONNECTIONS,
      },
      timeoutMs: { description: 'Time for one request, in ms.', type: 'integer', minimum: 100, default: TIMEOUT_MS },
    },
    required: ['address', 'path'],
    additionalProperties: false,
  },
  create: (config, context, env) => new HttpLookup(config, context, env),
};

class HttpLookup implements Asked {
  readonly #config: HttpLookupConfig;
  readonly #context: AskedContext;
  readonly #requests: Requests;

  constructor(config: HttpLookupConfig, context: AskedContext, env: Environment) {
    this.#config = config;
    this.#context = context;
    this.#requests = new Requests({ timeoutMs: TIMEOUT_MS, connections: CONNECTIONS, ...config }, env, {
      what: 'lookup',
      unavailable: 'LOOKUP_UNAVAILABLE',
      parse: parseExactly,
    });
  }

  /** Nothing is asked of the service yet: that nobody answers is seen with the first round, which waits. */
  async open(): Promise<void> {
    const { name, on } = this.#context;
    const { path, batch } = this.#config;
    const place = `lookup ${name}`;
    const named = [...path.matchAll(FIELD)].map(([, field]) => field as string);
    const unknown = named.find((field) => !on.has(field));
    const unused = [...on.keys()].find((field) => !named.includes(field));
    if (unknown !== undefined || unused !== undefined)
      throw new Fault(
        'FLOW_INVALID',
        unknown === undefined ? `\`path\` lacks {${unused}}` : `\`path\` has {${unknown}}, which \`on\` lacks`,
        {
          place,
          help: 'let `path` name every field of `on`, and no other',
        },
      );
    if (batch !== undefined && on.size !== 1)
      throw new Fault('FLOW_INVALID', '`batch` with several join fields', {
        place,
        help: 'ask for one key at a time: leave `batch` out',
      });
  }

  async ask(keys: readonly Readonly<Record<string, unknown>>[]): Promise<(AnswerRow | Fault | undefined)[]> {
    const { batch, connections = CONNECTIONS } = this.#config;
    const answers: (AnswerRow | Fault | undefined)[] = new Array(keys.length).fill(undefined);
    const size = batch === undefined ? 1 : (batch.size ?? BATCH);
    let next = 0;
    let failed: { error: unknown } | undefined;
    const work = async (): Promise<void> => {
      while (next < keys.length && failed === undefined) {
        const from = next;
        next += size;
        try {
          const asked = keys.slice(from, from + size);
          const found = batch === undefined ? [await this.#one(asked[0]!)] : await this.#many(asked, batch);
          found.forEach((answer, i) => {
            answers[from + i] = answer;
          });
        } catch (error) {
          failed ??= { error };
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(connections, Math.ceil(keys.length / size)) }, work));
    if (failed !== undefined) throw failed.error;
    return answers;
  }

  async close(): Promise<void> {
    this.#requests.close();
  }

  async #one(key: Readonly<Record<string, unknown>>): Promise<AnswerRow | Fault | undefined> {
    const answer = await this.#get((field) => encodeURIComponent(textOf(key[field])));
    if (answer === undefined) return undefined;
    const row = pointed(answer.json, this.#config.row ?? '');
    if (row === null) return undefined;
    return isRow(row) ? row : this.#unlike(`there is no object at \`${this.#config.row ?? ''}\` of the answer`);
  }

  /** Rows are found by their join field, as text. */
  async #many(
    keys: readonly Readonly<Record<string, unknown>>[],
    { rows, separator = ',' }: NonNullable<HttpLookupConfig['batch']>,
  ): Promise<(AnswerRow | Fault | undefined)[]> {
    const answer = await this.#get((field) =>
      keys.map((key) => encodeURIComponent(textOf(key[field]))).join(encodeURIComponent(separator)),
    );
    const [field] = this.#context.on.keys();
    const list = answer === undefined ? [] : pointed(answer.json, rows);
    if (!Array.isArray(list)) {
      const fault = this.#unlike(`there is no list at \`${rows}\` of the answer`);
      return keys.map(() => fault);
    }
    const found = new Map<string, AnswerRow | Fault>();
    for (const row of list) {
      if (!isRow(row)) continue;
      const key = String(row[field!]);
      found.set(key, found.has(key) ? this.#unlike('there are several rows for one key') : row);
    }
    return keys.map((key) => found.get(textOf(key[field!])));
  }

  /** undefined: there is no row. */
  async #get(keyOf: (field: string) => string): Promise<Answered | undefined> {
    const path = this.#config.path.replace(FIELD, (_, field: string) => keyOf(field));
    const answer = await this.#requests.send({ method: 'GET', path, headers: {} });
    const { status, place, json } = answer;
    if (status === 404 || status === 410) return undefined;
    // Neither the record's fault nor one that passes by itself; but who mends it should not find records set aside.
    if (status < 200 || status > 299 || json === undefined)
      throw new Fault(
        'LOOKUP_UNAVAILABLE',
        status > 299 || status < 200 ? `status ${status}` : 'the answer is no JSON',
        {
          place,
          help: 'compare `address`, `path` and headers of the lookup with what the service wants',
        },
      );
    return answer;
  }

  #unlike(what: string): Fault {
    return new Fault('LOOKUP_INVALID', `\`${this.#context.name}\`: ${what}`);
  }
}

const FIELD = /\{([^{}]+)\}/g;

const isRow = (value: unknown): value is AnswerRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A join field as an address has it. */
const textOf = (value: unknown): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
