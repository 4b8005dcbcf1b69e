/** Requests to the schema registry: TLS and authorization read anew for each of them. */
import { type ClientRequestArgs, Agent as HttpAgent, request as requestHttp } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { RegistryAccess, TlsMaterial } from './access.ts';

export const OPEN: RegistryAccess = { tls: undefined, authorization: undefined };

class FreshAgent extends HttpsAgent {
  readonly #tls: () => TlsMaterial;

  constructor(tls: () => TlsMaterial, options: AgentOptions = {}) {
    super(options);
    this.#tls = tls;
  }

  override createConnection(options: ClientRequestArgs, ...rest: never[]): ReturnType<HttpsAgent['createConnection']> {
    return super.createConnection({ ...options, ...this.#tls() }, ...rest);
  }
}

/** One connection a request: a registry is asked a few times in a process's life. */
export const agentOf = (url: string, { tls }: RegistryAccess): HttpAgent =>
  url.startsWith('https:') ? (tls === undefined ? new HttpsAgent() : new FreshAgent(tls)) : new HttpAgent();

export interface Answer {
  status: number;
  text: string;
}

/** @throws what the connection throws. */
export function get(
  url: string,
  agent: HttpAgent,
  authorization: string | undefined,
  timeoutMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(
      url,
      {
        agent,
        signal: AbortSignal.timeout(timeoutMs),
        headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}
