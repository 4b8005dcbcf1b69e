/** How a request gets in: headers from the environment, or a token by OAuth 2.0 client credentials (RFC 6749, 4.4). */
import { Fault, type FaultCode } from '@quadrille/record';
import { type Environment, secretOf } from '../secret.ts';
import { pointed } from './pointer.ts';

/** `secretHeaders`, `oauth` of a flow file: values are names of environment variables. */
export interface AuthorizationConfig {
  headers?: Readonly<Record<string, string>>;
  secretHeaders?: Readonly<Record<string, string>>;
  oauth?: OAuthConfig;
}

export interface OAuthConfig {
  tokenAddress: string;
  clientId: string;
  clientSecret: string;
  scope?: string;
  audience?: string;
  /** How client and secret are sent: as Basic authorization, or in the body. */
  send?: 'header' | 'body';
}

const variable = (description: string): object => ({
  description,
  type: 'string',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
});

/** For the JSON Schema of what uses it. */
export const authorizationProperties = {
  headers: {
    description: 'Headers of every request, as they are; no secrets.',
    type: 'object',
    additionalProperties: { type: 'string' },
  },
  secretHeaders: {
    description: 'Headers whose values stand in environment variables: `{ Authorization: API_AUTHORIZATION }`.',
    type: 'object',
    additionalProperties: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$' },
  },
  oauth: {
    description: 'A bearer token by OAuth 2.0 client credentials; fetched anew before it ends, and after a 401.',
    type: 'object',
    properties: {
      tokenAddress: variable('Environment variable with the address of the token endpoint.'),
      clientId: variable('Environment variable with the client’s id.'),
      clientSecret: variable('Environment variable with the client’s secret.'),
      scope: { description: 'Scopes, separated by spaces.', type: 'string' },
      audience: { description: 'The audience, where the server wants one.', type: 'string' },
      send: {
        description: 'Id and secret as Basic authorization, or in the body.',
        enum: ['header', 'body'],
        default: 'header',
      },
    },
    required: ['tokenAddress', 'clientId', 'clientSecret'],
    additionalProperties: false,
  },
} as const;

/** The value of a variable, or of the file that `NAME_FILE` names. @throws Fault CONFIG_INVALID */
export function needVariable(env: Environment, name: string, help: string): string {
  const value = env[name] || secretOf(env, name);
  if (value === undefined) throw new Fault('CONFIG_INVALID', `environment variable ${name} is not set`, { help });
  return value;
}

/** A token is fetched anew so long before it ends. */
const EARLY_MS = 30_000;

export class Authorization {
  readonly #config: AuthorizationConfig;
  readonly #env: Environment;
  readonly #timeoutMs: number;
  readonly #unavailable: FaultCode;
  #token: { value: string; until: number } | undefined;
  #fetching: Promise<string> | undefined;

  /** @param unavailable code of class `dependency`: the token endpoint does not answer. */
  constructor(config: AuthorizationConfig, env: Environment, timeoutMs: number, unavailable: FaultCode) {
    this.#config = config;
    this.#env = env;
    this.#timeoutMs = timeoutMs;
    this.#unavailable = unavailable;
  }

  /** Whether a new token may help against a 401. */
  get renewable(): boolean {
    return this.#config.oauth !== undefined;
  }

  /** The next request fetches a new token. */
  forget(): void {
    this.#token = undefined;
  }

  /** @throws Fault CONFIG_INVALID; ACCESS_DENIED, or that the token endpoint is unavailable. */
  async headers(): Promise<Record<string, string>> {
    const headers: Record<string, string> = { ...this.#config.headers };
    for (const [name, from] of Object.entries(this.#config.secretHeaders ?? {}))
      headers[name] = needVariable(this.#env, from, `set ${from} to the value of header ${name}`);
    if (this.#config.oauth !== undefined) headers.authorization = `Bearer ${await this.#bearer(this.#config.oauth)}`;
    return headers;
  }

  async #bearer(oauth: OAuthConfig): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#token.until) return this.#token.value;
    this.#fetching ??= this.#fetch(oauth).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch({ tokenAddress, clientId, clientSecret, scope, audience, send }: OAuthConfig): Promise<string> {
    const address = needVariable(this.#env, tokenAddress, 'it holds the address of the token endpoint');
    const id = needVariable(this.#env, clientId, 'it holds the client’s id');
    const secret = needVariable(this.#env, clientSecret, 'it holds the client’s secret');
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...(audience !== undefined && { audience }),
      ...(send === 'body' && { client_id: id, client_secret: secret }),
    });
    // Both are form-encoded before (RFC 6749, 2.3.1).
    const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64');
    const place = `variable ${tokenAddress}`;
    let answer: Response;
    let json: unknown;
    try {
      answer = await fetch(address, {
        method: 'POST',
        body,
        headers: { accept: 'application/json', ...(send !== 'body' && { authorization: `Basic ${basic}` }) },
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      json = await answer.json().catch(() => undefined);
    } catch (error) {
      throw new Fault(this.#unavailable, 'the token endpoint does not answer', { place, cause: error });
    }
    if (answer.status === 400 || answer.status === 401 || answer.status === 403)
      throw new Fault('ACCESS_DENIED', `the token endpoint answers with status ${answer.status}`, {
        place,
        help: `check ${clientId} and ${clientSecret}`,
      });
    const value = pointed(json, '/access_token');
    if (!answer.ok || typeof value !== 'string')
      throw new Fault(this.#unavailable, `the token endpoint answers with status ${answer.status} and no token`, {
        place,
      });
    const seconds = Number(pointed(json, '/expires_in') ?? 300);
    this.#token = { value, until: Date.now() + Math.max(seconds * 1000 - EARLY_MS, (seconds * 1000) / 2) };
    return value;
  }
}
