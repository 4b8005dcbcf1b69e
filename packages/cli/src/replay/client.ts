/** The replay service as a client sees it: calls with types, and what it refuses as errors of ours. */
import { Fault } from '@quadrille/record';
import type { ApiFault, ErrorBody, Page } from '@quadrille/replay/api';

/** What the service has refused, in its own words. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number;
  readonly errors: readonly ApiFault[];

  constructor(status: number, errors: readonly ApiFault[]) {
    super(errors.map(({ message }) => message).join('; '));
    this.status = status;
    this.errors = errors;
  }

  /** As a Fault's. */
  format(): string {
    return this.errors
      .map(({ code, place, field, message, help }) => {
        const where = place === undefined ? (field === undefined ? '' : ` ${field}`) : ` ${place}`;
        return `${code}${where}: ${message}\n  help: ${help}`;
      })
      .join('\n');
  }

  has(...codes: string[]): boolean {
    return this.errors.some(({ code }) => codes.includes(code));
  }
}

type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

const PAGE = 500;

export class ReplayClient {
  readonly #url: string;
  readonly #token: string;
  readonly #signal: AbortSignal;

  constructor(url: string, token: string, signal: AbortSignal) {
    this.#url = url.replace(/\/$/, '');
    this.#token = token;
    this.#signal = signal;
  }

  /** @throws ServiceError, Fault REPLAY_UNAVAILABLE */
  get<T>(path: string, query: Query = {}): Promise<T> {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      for (const each of Array.isArray(value) ? value : [value]) words.append(name, String(each));
    }
    return this.#call<T>('GET', words.size === 0 ? path : `${path}?${words}`, undefined);
  }

  /** @throws ServiceError, Fault REPLAY_UNAVAILABLE */
  post<T>(path: string, body: object): Promise<T> {
    return this.#call<T>('POST', path, body);
  }

  /** All items of a list, page by page, at most `limit`. */
  async *all<T>(path: string, query: Query, limit = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
    let left = limit;
    for (let cursor: string | null | undefined; cursor !== null && left > 0; ) {
      const page: Page<T> = await this.get(path, { ...query, limit: Math.min(PAGE, left), cursor });
      yield* page.items;
      left -= page.items.length;
      cursor = page.cursor;
    }
  }

  async #call<T>(method: string, path: string, body: object | undefined): Promise<T> {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(this.#url + path, {
        method,
        signal: this.#signal,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await answer.text();
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
      throw new Fault('REPLAY_UNAVAILABLE', cause, { place: this.#url, cause: error });
    }
    const json = parse(text);
    if (answer.ok && json !== undefined) return json as T;
    const errors = (json as ErrorBody | undefined)?.errors;
    if (Array.isArray(errors)) throw new ServiceError(answer.status, errors);
    throw new Fault('REPLAY_UNAVAILABLE', `HTTP status ${answer.status}, which no service of ours gives`, {
      place: this.#url,
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
