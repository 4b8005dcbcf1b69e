/** Somebody who calls a webhook, over connections that are kept, and calls again until there is an answer that stands. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  status: number;
  /** As `Retry-After` says. */
  againMs: number;
  text: string;
}

/** Answers that do not stand: the call must be made again. */
const AGAIN = new Set([429, 503]);
const BROKEN_MS = 100;

export class Caller {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #path: string;
  /** Answers by status; 0: none, the connection was refused or broken. */
  readonly answers = new Map<number, number>();
  /** No call is made again. */
  #closed = false;

  /** @param connections that many at most; further calls wait for one. */
  constructor(port: number, path: string, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
    this.#port = port;
    this.#path = path;
  }

  /** @returns undefined: no answer; whether it was taken is not known. */
  call(body: string, headers: Record<string, string> = {}): Promise<Answer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    const sent = request(
      {
        host: '127.0.0.1',
        port: this.#port,
        path: this.#path,
        method: 'POST',
        agent: this.#agent,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        const { statusCode: status = 0, headers: told } = answer;
        answer.once('end', () => resolve({ status, againMs: Number(told['retry-after'] ?? 0) * 1000, text }));
        answer.once('error', () => resolve(undefined));
      },
    );
    sent.once('error', () => resolve(undefined));
    sent.end(body);
    return promise;
  }

  /**
   * Calls with the same content and headers until an answer stands.
   * @returns undefined: closed before.
   */
  async persist(body: string, headers: Record<string, string> = {}): Promise<Answer | undefined> {
    while (!this.#closed) {
      const answer = await this.call(body, headers);
      const status = answer?.status ?? 0;
      this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
      if (answer !== undefined && !AGAIN.has(status)) return answer;
      await sleep(answer?.againMs || BROKEN_MS);
    }
    return undefined;
  }

  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }
}
