/**
 * Reads one path of an API: poll after poll, page after page. The position is the page being read, how many of its items
 * were, and how far `since` has got: what follows is asked for again as it is then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@quadrille/record';
import { pointed } from '../../http/pointer.ts';
import type { Answered, Requests } from '../../http/requests.ts';
import type { RawItem, Settled, ShardReader, SourceChunk, SourcePosition } from '../../source.ts';
import { isObject } from '../exact-json.ts';
import type { HttpConfig } from './http.ts';
import { firstPage, nextPage, withQuery } from './pages.ts';
import { Refused } from './refused.ts';
import { type Mark, markOf, Since } from './since.ts';

/** What an answer was, so that the next one need not be the same again (RFC 9110, 13.1). */
interface Validators {
  path: string;
  etag?: string;
  modified?: string;
}

export interface HttpPosition extends SourcePosition {
  /** The page being read; absent: the next poll begins. */
  page?: string;
  /** Items read of that page, and a mark of them. */
  read?: { items: number; mark: string };
  /** Where this poll began, and the greatest value seen. */
  begun?: Mark;
  reached?: Mark;
  /** Marks of items that became dead letters. */
  refused?: readonly string[];
  /** Of the last poll, if its answer was whole in one page. */
  known?: Validators;
  /** `again` of the flow file. */
  again?: number;
}

interface Page {
  path: string;
  items: readonly unknown[];
  next: string | undefined;
  /** When it was asked for, Date.now(). */
  at: number;
  validators: Validators | undefined;
}

/** Aborted while it waits for an answer. */
const STOPPED = Symbol('stopped');

export class HttpReader implements ShardReader {
  readonly #name: string;
  readonly #config: HttpConfig;
  readonly #requests: Requests;
  readonly #since: Since | undefined;
  readonly #refused: Refused;
  #row: number;
  /** Read and not settled, in order; the first is item number `#settled`. */
  readonly #sent: unknown[] = [];
  #settled: number;
  /** The page to read; undefined: between polls. */
  #path: string | undefined;
  #page: Page | undefined;
  /** Items of the page that were read. */
  #index = 0;
  /** What those looked like that were read before this reader was opened. */
  #before: HttpPosition['read'];
  #known: Validators | undefined;
  /** performance.now() */
  #nextPoll = 0;
  #ended = false;

  constructor(name: string, config: HttpConfig, requests: Requests, from: HttpPosition | undefined) {
    this.#name = name;
    this.#config = config;
    this.#requests = requests;
    this.#row = from?.row ?? 0;
    this.#settled = this.#row;
    const at = from?.again === (config.again ?? 0) ? from : undefined;
    this.#refused = new Refused(at?.refused);
    if (config.since !== undefined) this.#since = new Since(config.since, at?.begun, at?.reached);
    this.#path = at?.page;
    this.#before = at?.read;
    this.#known = at?.known;
  }

  async read(max: number, stop?: AbortSignal): Promise<SourceChunk> {
    if (this.#ended) return { items: [], next: this.#position(), end: true };
    if (this.#page === undefined) {
      if (this.#path === undefined && !(await this.#begin(stop))) return this.#chunk([], false);
      const page = await this.#fetch(this.#path!, stop);
      if (page === STOPPED) return this.#chunk([], false);
      if (page === undefined) return this.#chunk([], this.#pollOver(this.#known));
      this.#page = page;
      this.#index = this.#readBefore(page);
    }
    const page = this.#page;
    const items = this.#take(page, max);
    if (this.#index < page.items.length) return this.#chunk(items, false);
    this.#page = undefined;
    this.#index = 0;
    this.#path = page.next;
    return this.#chunk(items, page.next === undefined && this.#pollOver(page.validators));
  }

  /** An API is not told; but what became a dead letter need not become one with every poll. */
  async acknowledge({ position, rejected }: Settled): Promise<void> {
    const settled = this.#sent.splice(0, position.row - this.#settled);
    for (const row of rejected.keys()) this.#refused.add(settled[row - this.#settled]);
    this.#settled = position.row;
  }

  async close(): Promise<void> {}

  /** Waits until a poll is due, and begins it. @returns false when it was cut short. */
  async #begin(stop: AbortSignal | undefined): Promise<boolean> {
    const wait = this.#nextPoll - performance.now();
    if (wait > 0) await sleep(wait, undefined, { ...(stop !== undefined && { signal: stop }) }).catch(() => {});
    if (stop?.aborted === true) return false;
    this.#since?.begin();
    this.#path = this.#firstOfPoll();
    return true;
  }

  /** @returns true: everything is delivered that was there. */
  #pollOver(validators: Validators | undefined): true {
    this.#path = undefined;
    this.#known = validators;
    const { pollSeconds } = this.#config;
    if (pollSeconds === undefined) this.#ended = true;
    else this.#nextPoll = performance.now() + pollSeconds * 1000;
    return true;
  }

  /** @returns undefined when nothing has changed since the last poll. @throws Fault */
  async #fetch(path: string, stop: AbortSignal | undefined): Promise<Page | typeof STOPPED | undefined> {
    const known = this.#known?.path === path && this.#before === undefined ? this.#known : undefined;
    const headers = {
      ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
      ...(known?.modified !== undefined && { 'if-modified-since': known.modified }),
    };
    const at = Date.now();
    const answer = await unless(stop, this.#requests.send({ method: 'GET', path, headers }));
    if (answer === STOPPED) return STOPPED;
    if (answer.status === 304 && known !== undefined) return undefined;
    const items = this.#itemsOf(answer);
    const next = this.#next(path, items.length, answer);
    const { etag, 'last-modified': modified } = answer.headers;
    const whole = next === undefined && path === this.#firstOfPoll() && (etag ?? modified) !== undefined;
    const validators = whole ? { path, ...(etag && { etag }), ...(modified && { modified }) } : undefined;
    return { path, items, next, at, validators };
  }

  #firstOfPoll(): string {
    return withQuery(firstPage(this.#name, this.#config.pages), this.#since?.query ?? {});
  }

  #itemsOf({ status, json, place }: Answered): readonly unknown[] {
    const at = this.#config.items ?? '';
    const items = status === 204 ? [] : pointed(json, at);
    if (status >= 200 && status <= 299 && Array.isArray(items)) return items;
    // Nobody's record: who mends it finds that nothing was skipped.
    const why =
      status < 200 || status > 299
        ? `status ${status}`
        : json === undefined
          ? 'the answer is no JSON'
          : `there is no list at \`${at}\` of the answer`;
    const help = 'compare `address`, `path`, `items` and headers of the source with what the API wants';
    throw new Fault('SOURCE_UNAVAILABLE', why, { place, help });
  }

  #next(path: string, items: number, answer: Answered): string | undefined {
    const { pages } = this.#config;
    const told = nextPage(path, items, answer, pages);
    const next = told === undefined || pages?.by !== 'link' ? told : this.#requests.pathOf(told, path);
    if (told === undefined || (next !== undefined && next !== path)) return next;
    const { place } = answer;
    if (next === undefined)
      throw new Fault('SOURCE_UNAVAILABLE', 'the link to the next page leads away from `address`', {
        place,
        help: 'let `address` be where the API says that it is; headers with secrets go nowhere else',
      });
    throw new Fault('SOURCE_UNAVAILABLE', 'the page names itself as the next one', {
      place,
      help: 'compare `pages` of the source with what the API does',
    });
  }

  /** How many items of a page were read before; none when they are others now: then they come again. */
  #readBefore({ items }: Page): number {
    const before = this.#before;
    this.#before = undefined;
    if (before === undefined) return 0;
    return markOf(items.slice(0, before.items)) === before.mark ? before.items : 0;
  }

  #take(page: Page, max: number): RawItem[] {
    const taken: RawItem[] = [];
    for (; this.#index < page.items.length && taken.length < max; this.#index++) {
      const item = page.items[this.#index];
      if (this.#since?.isKnown(item) === true || this.#refused.has(item)) continue;
      taken.push(this.#item(item, page.at));
      this.#sent.push(item);
      this.#row++;
    }
    return taken;
  }

  #item(item: unknown, at: number): RawItem {
    const place = `${this.#name}#${this.#row}`;
    const version = this.#since === undefined ? at : this.#since.versionOf(item);
    if (isObject(item) && version !== undefined) {
      this.#since?.see(item, version);
      return { fields: item, version, place };
    }
    this.#refused.add(item);
    const fault = isObject(item)
      ? new Fault('VERSION_INVALID', `\`${this.#config.since?.field}\``, {
          place,
          help: 'the field of `since` needs a whole number, a date or a time with its zone',
        })
      : new Fault('ROW_MALFORMED', 'it is not a JSON object', { place, help: 'let `items` lead to a list of objects' });
    return { fault, bytes: Buffer.from(JSON.stringify(item)), version: version ?? 0, place };
  }

  #chunk(items: RawItem[], over: boolean): SourceChunk {
    const end = this.#ended;
    return { items, next: this.#position(), end, ...(over && !end && { caughtUp: true }) };
  }

  #position(): HttpPosition {
    const { begun, reached } = this.#since ?? {};
    const { marks: refused } = this.#refused;
    const read =
      this.#page !== undefined && this.#index > 0
        ? { items: this.#index, mark: markOf(this.#page.items.slice(0, this.#index)) }
        : this.#before;
    return {
      row: this.#row,
      again: this.#config.again ?? 0,
      ...(this.#path !== undefined && { page: this.#path }),
      ...(read !== undefined && { read }),
      ...(begun !== undefined && { begun }),
      ...(reached !== undefined && { reached }),
      ...(refused !== undefined && { refused }),
      ...(this.#known !== undefined && { known: this.#known }),
    };
  }
}

/** What is waited for, unless the signal comes first. */
async function unless<T>(stop: AbortSignal | undefined, work: Promise<T>): Promise<T | typeof STOPPED> {
  if (stop === undefined) return work;
  const { promise, resolve } = Promise.withResolvers<typeof STOPPED>();
  const stopped = (): void => resolve(STOPPED);
  stop.addEventListener('abort', stopped);
  if (stop.aborted) stopped();
  try {
    return await Promise.race([work, promise]);
  } finally {
    stop.removeEventListener('abort', stopped);
    work.catch(() => {});
  }
}
