/** Whether a call comes from who knows the secret, and now: HMAC-SHA256 (RFC 2104) over time, key and body. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Fault } from '@quadrille/record';
import { needVariable } from '../../http/authorization.ts';
import { type Environment, secretOf } from '../../secret.ts';

export interface SignatureConfig {
  secret: string;
  previous?: string;
  header?: string;
  timestamp?: string;
  content?: string;
  toleranceSeconds?: number;
}

const variable = (description: string): object => ({
  description,
  type: 'string',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
});

/** For the JSON Schema of the source. */
export const signatureProperty = {
  description:
    'Calls must be signed by HMAC-SHA256; needed when it listens beyond this machine. The header holds the signature in hexadecimal or base64, `sha256=` or the like may stand before it.',
  type: 'object',
  properties: {
    secret: variable('Environment variable with the secret.'),
    previous: variable('One with the secret before it, while callers change over; it may be empty or not set.'),
    header: { description: '`X-Signature` by default.', type: 'string', minLength: 1 },
    timestamp: {
      description: 'Header with the seconds since 1970, `X-Timestamp` by default.',
      type: 'string',
      minLength: 1,
    },
    content: {
      description:
        'What is signed. By default `{timestamp}.{key}.{body}`, without `{key}.` where there is no `idempotencyKey`. Without `{timestamp}` whoever has seen a call can repeat it for ever.',
      type: 'string',
      pattern: '\\{body\\}',
    },
    toleranceSeconds: {
      description: 'How far the timestamp may be from now, 300 by default.',
      type: 'integer',
      minimum: 1,
      maximum: 86_400,
    },
  },
  required: ['secret'],
  additionalProperties: false,
} as const;

/** Secrets in files are read again so often: those that are rotated are found without a restart. */
const FRESH_MS = 5_000;

export interface Signed {
  /** A header of the call; '' when it has none. */
  header(name: string): string;
  key: string;
  body: Buffer;
}

export class Signature {
  readonly #config: SignatureConfig;
  readonly #env: Environment;
  readonly #header: string;
  readonly #timestamp: string;
  /** Texts, and between them the places of timestamp, key and body. */
  readonly #content: readonly string[];
  readonly #toleranceMs: number;
  #secrets: string[] = [];
  #until = 0;

  /** @throws Fault CONFIG_INVALID: there is no secret */
  constructor(config: SignatureConfig, keyed: boolean, env: Environment) {
    this.#config = config;
    this.#env = env;
    this.#header = config.header ?? 'X-Signature';
    this.#timestamp = config.timestamp ?? 'X-Timestamp';
    const content = config.content ?? `{timestamp}.${keyed ? '{key}.' : ''}{body}`;
    this.#content = content.split(/(\{(?:timestamp|key|body)\})/);
    this.#toleranceMs = (config.toleranceSeconds ?? 300) * 1000;
    this.#current();
  }

  /** @throws Fault SIGNATURE_INVALID, which does not say what would have been right. */
  check(call: Signed, now = Date.now()): void {
    const given = bytesOf(call.header(this.#header));
    if (given === undefined)
      throw new Fault('SIGNATURE_INVALID', `header ${this.#header} holds no HMAC-SHA256 in hexadecimal or base64`);
    const time = call.header(this.#timestamp);
    if (this.#content.includes('{timestamp}')) {
      const ms = /^\d{10}$/.test(time) ? Number(time) * 1000 : /^\d{13}$/.test(time) ? Number(time) : Number.NaN;
      if (!(Math.abs(now - ms) <= this.#toleranceMs))
        throw new Fault(
          'SIGNATURE_INVALID',
          `header ${this.#timestamp} is not within ${this.#toleranceMs / 1000} s of now`,
        );
    }
    // Both are always compared: how long it takes tells nothing.
    let right = false;
    for (const secret of this.#current()) right = timingSafeEqual(given, this.#sign(secret, call, time)) || right;
    if (!right) throw new Fault('SIGNATURE_INVALID', 'it is another one, or made with another secret');
  }

  #sign(secret: string, { key, body }: Signed, time: string): Buffer {
    const hmac = createHmac('sha256', secret);
    for (const part of this.#content)
      hmac.update(part === '{body}' ? body : part === '{timestamp}' ? time : part === '{key}' ? key : part);
    return hmac.digest();
  }

  #current(): string[] {
    if (performance.now() < this.#until) return this.#secrets;
    const { secret, previous } = this.#config;
    const before = previous === undefined ? undefined : secretOf(this.#env, previous);
    this.#secrets = [
      needVariable(this.#env, secret, 'it holds the secret that calls are signed with'),
      ...(before === undefined ? [] : [before]),
    ];
    this.#until = performance.now() + FRESH_MS;
    return this.#secrets;
  }
}

/** The 32 bytes of a signature. */
function bytesOf(text: string): Buffer | undefined {
  const bare = text.replace(/^[a-z0-9]+=(?=.)/i, '');
  if (/^[0-9a-f]{64}$/i.test(bare)) return Buffer.from(bare, 'hex');
  return /^[A-Za-z0-9+/]{43}=$/.test(bare) ? Buffer.from(bare, 'base64') : undefined;
}
