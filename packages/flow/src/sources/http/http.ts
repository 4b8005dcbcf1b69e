/** The source `http`: an API that is asked for its items, page by page, and again for what is new. */
import { authorizationProperties } from '../../http/authorization.ts';
import { POINTER } from '../../http/pointer.ts';
import { Requests, type RequestsConfig } from '../../http/requests.ts';
import type { Shard, ShardReader, Source, SourceContext, SourcePosition, SourceType } from '../../source.ts';
import { parserOf } from '../exact-json.ts';
import { type PagesConfig, pagesProblems, pagesProperty } from './pages.ts';
import { type HttpPosition, HttpReader } from './reader.ts';
import { type SinceConfig, sinceProperty } from './since.ts';

export interface HttpConfig extends RequestsConfig {
  path: string | readonly string[];
  items?: string;
  pages?: PagesConfig;
  since?: SinceConfig;
  pollSeconds?: number;
  again?: number;
}

const CONNECTIONS = 2;
const TIMEOUT_MS = 30_000;

/**
 * Example:
 *
 *     orders:
 *       extractor:
 *         type: http
 *         address: SHOP_URL
 *         path: /v1/orders?status=done
 *         items: /data
 *         pages: { by: cursor, next: /meta/next }
 *         since: { field: /updated_at, parameter: updated_since }
 *         pollSeconds: 30
 *         secretHeaders: { Authorization: SHOP_AUTHORIZATION }
 *         id: "{order}"
 *       to: orders.placed
 */
export const http: SourceType<HttpConfig> = {
  type: 'http',
  doc: 'Items of an API, JSON objects in a list, by GET. A path is a shard. With `since` the version is the value of its field; without it all items come with each poll, and the version is the time at which their page was asked for, in ms.',
  config: {
    type: 'object',
    properties: {
      address: {
        description: 'Name of the environment variable that holds the address, https://host/base.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      },
      path: {
        description: 'Behind the address, with a query if need be; or several of them.',
        anyOf: [
          { type: 'string', pattern: '^/' },
          { type: 'array', items: { type: 'string', pattern: '^/' }, minItems: 1, uniqueItems: true },
        ],
      },
      items: {
        description: 'Where the list stands in the answer, a JSON Pointer.',
        type: 'string',
        pattern: POINTER,
        default: '',
      },
      pages: pagesProperty,
      since: sinceProperty,
      pollSeconds: {
        description: 'It is asked again so long after it was read to its end; absent: it is read once.',
        type: 'number',
        exclusiveMinimum: 0,
      },
      again: { description: 'Raise it to read everything anew.', type: 'integer', minimum: 0, default: 0 },
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
  traits: { endless: 'configured', rewindable: false, knowsNull: true, brings: ['version'] },
  check: ({ pages }) => (pages === undefined ? [] : pagesProblems(pages)),
  create: (config, context) => new HttpSource(config, context),
};

class HttpSource implements Source {
  readonly endless: boolean;
  readonly #config: HttpConfig;
  readonly #requests: Requests;

  constructor(config: HttpConfig, { env, schema }: SourceContext) {
    this.#config = config;
    this.endless = config.pollSeconds !== undefined;
    this.#requests = new Requests({ timeoutMs: TIMEOUT_MS, connections: CONNECTIONS, ...config }, env, {
      what: 'source',
      unavailable: 'SOURCE_UNAVAILABLE',
      parse: parserOf(schema),
    });
  }

  async shards(): Promise<Shard[]> {
    return [this.#config.path]
      .flat()
      .sort()
      .map((name) => ({ name }));
  }

  async open({ name }: Shard, from: SourcePosition | undefined): Promise<ShardReader> {
    return new HttpReader(name, this.#config, this.#requests, from as HttpPosition | undefined);
  }

  async close(): Promise<void> {
    this.#requests.close();
  }
}
