/** The endpoint of a webhook: who may call, how much at once, and an answer only when every item has its verdict. */
import { isIP } from 'node:net';
import { Fault } from '@quadrille/record';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ofRefused, ofSettled, type Told } from './answer.ts';
import { Call, type CallEnd, type Calls } from './calls.ts';
import { itemsOf } from './items.ts';
import type { Signature } from './signature.ts';

export interface ListenerOptions {
  host: string;
  port: number;
  route: string;
  maxBytes: number;
  /** A call may wait so long for its answer. */
  timeoutMs: number;
  /** Header with the idempotency key. */
  idempotencyKey: string | undefined;
  items: string | undefined;
  signature: Signature | undefined;
  calls: Calls;
  /** Somebody reads what is called in; else callers are asked to come again. */
  isOpen(): boolean;
  parse(text: string): unknown;
}

/** For a call to arrive whole. */
const ARRIVAL_MS = 30_000;
const AGAIN_SECONDS = '1';
const LONGEST_KEY = 255;

/** @returns undefined when it is none. */
export function readAddress(text: string): { host: string; port: number } | undefined {
  const [, host, port] = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** Whether only this machine can reach it. A name but `localhost` may be of any. */
export const isOwn = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: FastifyInstance;
  #stopping = false;
  #number = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const server = Fastify({
      logger: false,
      bodyLimit: options.maxBytes,
      requestTimeout: ARRIVAL_MS,
      forceCloseConnections: 'idle',
      // Who comes while it closes is told when to come again.
      return503OnClosing: false,
      exposeHeadRoutes: false,
    });
    server.removeAllContentTypeParsers();
    // Signed is what was sent, byte by byte.
    server.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
    server.setNotFoundHandler((_, reply) =>
      tell(reply, ofRefused(new Fault('NOT_FOUND', '', { help: `POST to ${options.route}` }))),
    );
    server.setErrorHandler((error: FastifyError | Fault, _, reply) => tell(reply, ofError(error, options)));
    server.post(options.route, { onRequest: async (request, reply) => this.#admit(request, reply) }, (request, reply) =>
      this.#answer(request, reply),
    );
    this.#server = server;
  }

  /** @throws Fault PORT_TAKEN, CONFIG_INVALID */
  async open(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options;
    try {
      await this.#server.listen({ host, port });
    } catch (error) {
      const place = `${host}:${port}`;
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
        throw new Fault('PORT_TAKEN', '', { place, cause: error });
      throw new Fault('CONFIG_INVALID', (error as Error).message, { place, cause: error });
    }
    return { host, port: (this.#server.server.address() as { port: number }).port };
  }

  /** Who waits is told to come again, as is who still comes; resolves when all have their answer. */
  async close(): Promise<void> {
    this.#stopping = true;
    this.#options.calls.endAll('stopping');
    await this.#server.close();
  }

  /** Before the body is read: whether there is room for it. Keeps room until the connection has what it came for. */
  #admit(request: FastifyRequest, reply: FastifyReply): void {
    const { calls, isOpen, maxBytes } = this.#options;
    if (this.#stopping) reply.header('connection', 'close');
    if (this.#stopping || !isOpen()) throw new Fault('CALL_AGAIN', this.#stopping ? ENDS.stopping : ENDS.closed);
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw new Fault('REQUEST_INVALID', `content encoding ${encoding}`, { help: 'send the body as it is' });
    const length = Number(request.headers['content-length'] ?? maxBytes);
    if (length > maxBytes) return; // Refused when it is read.
    if (calls.isFull(1, length))
      throw new Fault('TOO_MANY_REQUESTS', 'too many items wait for their verdict', {
        help: 'wait as long as Retry-After says',
      });
    calls.reserve(length);
    let reserved = true;
    const release = (): void => {
      if (reserved) calls.release(length);
      reserved = false;
    };
    request.raw.once('end', release);
    reply.raw.once('close', release);
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { calls, route, signature, idempotencyKey, timeoutMs, ...options } = this.#options;
    const header = (name: string): string => [request.headers[name.toLowerCase()] ?? ''].flat().join(',');
    const body = request.body as Buffer | undefined;
    if (body === undefined || body.length === 0)
      throw new Fault('REQUEST_INVALID', 'there is no body', { help: 'send one JSON object, or a list of them' });
    const key = idempotencyKey === undefined ? undefined : header(idempotencyKey);
    signature?.check({ header, key: key ?? '', body });
    if (key !== undefined && (key === '' || key.length > LONGEST_KEY))
      throw new Fault('REQUEST_INVALID', `header ${idempotencyKey} is missing or longer than ${LONGEST_KEY}`, {
        help: 'give each event a key of its own, and call again with the same one',
      });
    const place = `${route}#${key ?? ++this.#number}`;
    const { items, list } = itemsOf(body, { parse: options.parse, items: options.items, place, key });
    const call = new Call(items, body.length);
    if (items.length === 0) return tell(reply, ofSettled(call, list));
    if (calls.isFull(items.length, body.length))
      throw new Fault('TOO_MANY_REQUESTS', `no room for ${items.length} items now`, {
        help: 'wait as long as Retry-After says, or send fewer items in one call',
      });
    calls.add(call);
    const timer = setTimeout(() => calls.end(call, 'late'), timeoutMs);
    reply.raw.once('close', () => calls.end(call, 'gone'));
    const end = await call.ended;
    clearTimeout(timer);
    if (this.#stopping) reply.header('connection', 'close');
    return tell(reply, end === 'settled' ? ofSettled(call, list) : ofRefused(new Fault('CALL_AGAIN', ENDS[end])));
  }
}

const ENDS: Readonly<Record<Exclude<CallEnd, 'settled'> | 'closed', string>> = {
  late: 'it has waited too long; whether it was taken is not known',
  gone: 'the caller has gone',
  stopping: 'the station stops',
  closed: 'the station is not ready',
};

function ofError(error: FastifyError | Fault, { maxBytes }: ListenerOptions): Told {
  if (error instanceof Fault) return ofRefused(error);
  const { statusCode = 500, message } = error;
  const help = statusCode === 413 ? `a call may have ${maxBytes} bytes` : 'POST a JSON object, or a list of them';
  return {
    ...ofRefused(new Fault(statusCode < 500 ? 'REQUEST_INVALID' : 'CALL_AGAIN', message, { help })),
    status: statusCode,
  };
}

function tell(reply: FastifyReply, { status, body }: Told): FastifyReply {
  if (status === 429 || status === 503) reply.header('retry-after', AGAIN_SECONDS);
  return reply.code(status).send(body);
}
