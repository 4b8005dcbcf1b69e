/** An API on this machine, for tests: lists of items, paged in every way, filtered by `since`, with validators. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  /** Path and query. */
  url: string;
  headers: IncomingMessage['headers'];
  /** What it was answered with. */
  status: number;
}

export class Api implements AsyncDisposable {
  /** By path. An item with a field `at` is found by `since`, with that very value too. */
  readonly lists = new Map<string, unknown[]>();
  readonly asked: Asked[] = [];
  /** Answers in place of what is asked for, if it returns true. */
  instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/api`;
  }

  /** On the same port after each opening. */
  async open(): Promise<this> {
    this.#server = createServer((request, response) => this.#answer(request, response)).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url!, this.url);
    response.once('finish', () => {
      this.asked.push({ url: request.url!, headers: request.headers, status: response.statusCode });
    });
    if (this.instead?.(request, response)) return;
    const list = this.lists.get(pathname.slice('/api'.length));
    if (list === undefined) return void response.writeHead(404).end();
    const since = query.get('since');
    const items = since === null ? list : list.filter((item) => String((item as { at?: unknown }).at) >= since);
    const size = Number(query.get('size') ?? items.length);
    const from = Number(query.get('cursor') ?? query.get('offset') ?? (Number(query.get('page') ?? 1) - 1) * size);
    const isLast = from + size >= items.length;
    const next = new URL(request.url!, this.url);
    next.searchParams.set('cursor', String(from + size));
    const body = JSON.stringify({
      data: items.slice(from, from + size),
      next: isLast ? null : from + size,
      nextAddress: isLast ? null : next.href,
    });
    const etag = `"${createHash('sha1').update(body).digest('hex')}"`;
    response.setHeader('etag', etag);
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();
    if (!isLast) response.setHeader('link', `<https://elsewhere.example/>; rel="help", <${next.href}>; rel="next"`);
    response.setHeader('content-type', 'application/json').end(body);
  }
}
