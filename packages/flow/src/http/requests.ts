/** Requests to one service: gets in, keeps to the rate, waits when told to. */
import type { Agent, IncomingHttpHeaders } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault, type FaultCode } from '@quadrille/record';
import type { Environment } from '../secret.ts';
import { Authorization, type AuthorizationConfig, needVariable } from './authorization.ts';
import { connectionsTo, request } from './request.ts';
import { isPatience, retryAfterMs } from './retry-after.ts';

export interface RequestsConfig extends AuthorizationConfig {
  address: string;
  connections?: number;
  perSecond?: number;
  timeoutMs?: number;
}

export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  /** The body; undefined where it is not JSON. */
  json: unknown;
  /** Where it came from, without query or password. */
  place: string;
}

/** Who sends the requests. */
export interface Sender {
  /** `source`, `target`, `lookup`: for what people are told. */
  what: string;
  /** Code of class `dependency`: nobody answers, or not now. */
  unavailable: FaultCode;
  /** Reads a body; default: as JSON, with numbers as JavaScript has them. */
  parse?(text: string): unknown;
}

const TIMEOUT_MS = 30_000;
/** The longest answer that is read. */
const ANSWER_BYTES = 16 * 1024 * 1024;

export class Requests {
  readonly #config: RequestsConfig;
  readonly #env: Environment;
  readonly #authorization: Authorization;
  readonly #sender: Sender;
  /** performance.now() from when on the next request may go out. */
  #next = 0;
  /** Date.now() until when the receiver has asked not to be asked. */
  #notBefore = 0;
  #base: { url: string; basic: string | undefined; agent: Agent } | undefined;

  constructor(config: RequestsConfig, env: Environment, sender: Sender) {
    this.#config = config;
    this.#env = env;
    this.#sender = sender;
    this.#authorization = new Authorization(config, env, config.timeoutMs ?? TIMEOUT_MS, sender.unavailable);
  }

  /**
   * Whether somebody listens at the address; what is answered does not matter.
   * @throws Fault CONFIG_INVALID, ACCESS_DENIED, and that the service is unavailable
   */
  async reach(): Promise<void> {
    await this.#authorization.headers();
    await this.#fetch({ method: 'OPTIONS', path: '', headers: {} });
  }

  /**
   * @throws Fault that the service is unavailable when nobody answers, or with a status that asks for patience: then nothing is sent
   *   before the time that `Retry-After` tells; ACCESS_DENIED, CONFIG_INVALID.
   */
  async send(sent: Sent): Promise<Answered> {
    for (let renewed = false; ; renewed = true) {
      const wait = this.#notBefore - Date.now();
      if (wait > 0)
        throw this.#unavailable(
          `it has asked to be left alone for ${Math.ceil(wait / 1000)} s more`,
          this.#place(sent),
        );
      await this.#turn();
      const answer = await this.#fetch(sent);
      const { status } = answer;
      if (status === 401 && this.#authorization.renewable && !renewed) {
        this.#authorization.forget();
        continue;
      }
      if (status === 401 || status === 403)
        throw new Fault('ACCESS_DENIED', `status ${status}`, {
          place: answer.place,
          help: `check \`secretHeaders\` or \`oauth\` of the ${this.#sender.what}, and what that user may do`,
        });
      if (isPatience(status)) throw this.#unavailable(`status ${status}`, answer.place);
      return answer;
    }
  }

  /** Waits until the rate allows a request. */
  async #turn(): Promise<void> {
    const { perSecond } = this.#config;
    if (perSecond === undefined) return;
    const at = Math.max(performance.now(), this.#next);
    this.#next = at + 1000 / perSecond;
    const wait = at - performance.now();
    if (wait > 1) await pause(wait);
  }

  async #fetch({ method, path, headers, body }: Sent): Promise<Answered> {
    const { url, basic, agent } = this.#address();
    const place = `${method} ${this.#place({ path })}`;
    const own = await this.#authorization.headers();
    try {
      const {
        status,
        headers: told,
        text,
      } = await request(`${url}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(basic !== undefined && { authorization: basic }),
          ...own,
          ...headers,
        },
        body,
        agent,
        timeoutMs: this.#config.timeoutMs ?? TIMEOUT_MS,
        bytes: ANSWER_BYTES,
      });
      const wait = isPatience(status) ? retryAfterMs(told['retry-after']) : undefined;
      if (wait !== undefined) this.#notBefore = Date.now() + wait;
      return { status, headers: told, json: this.#parsed(text), place };
    } catch (error) {
      throw this.#unavailable(error instanceof Error ? error.message : String(error), place, error);
    }
  }

  /**
   * What an address that the service gives is behind `address`: a path for `send`.
   * @param from the path it was given at: it may be relative.
   * @returns undefined when it leads elsewhere, where headers with secrets must not go. @throws Fault CONFIG_INVALID
   */
  pathOf(link: string, from: string): string | undefined {
    const { url } = this.#address();
    const there = URL.parse(link, `${url}${from}`)?.href;
    return there?.startsWith(`${url}/`) || there?.startsWith(`${url}?`) ? there.slice(url.length) : undefined;
  }

  close(): void {
    this.#base?.agent.destroy();
    this.#base = undefined;
  }

  #place({ path }: Pick<Sent, 'path'>): string {
    return `${this.#address().url.replace(/\?.*/, '')}${path.replace(/\?.*/, '')}`;
  }

  /** The address without user and password, which fetch would refuse. */
  #address(): { url: string; basic: string | undefined; agent: Agent } {
    if (this.#base !== undefined) return this.#base;
    const { address } = this.#config;
    const help = `set ${address} to an address, https://host/path`;
    const url = URL.parse(needVariable(this.#env, address, help));
    // Its text may hold a password: not quoted.
    if (url === null || !/^https?:$/.test(url.protocol))
      throw new Fault('CONFIG_INVALID', `environment variable ${address} holds no address of HTTP`, { help });
    const { username, password } = url;
    url.username = '';
    url.password = '';
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const base = url.href.replace(/\/$/, '');
    this.#base = {
      url: base,
      agent: connectionsTo(base, this.#config.connections ?? 2),
      basic: username === '' ? undefined : `Basic ${Buffer.from(user).toString('base64')}`,
    };
    return this.#base;
  }

  #unavailable(detail: string, place: string, cause?: unknown): Fault {
    return new Fault(this.#sender.unavailable, detail, {
      place,
      cause,
      help: 'check the service and its address; the station tries again by itself',
    });
  }

  #parsed(text: string): unknown {
    try {
      return (this.#sender.parse ?? JSON.parse)(text);
    } catch {
      return undefined;
    }
  }
}
