/**
 * How this process gets into Kafka and the schema registry: TLS, SASL, tokens. One place reads it from the environment for
 * stations, the replay service and the command. Secrets are functions: what stands in a file is read anew for each
 * connection, and nothing that is printed or sent on holds one.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type Environment, secretOf } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { TRACE_SECRETS } from './traces/settings.ts';

export type Secret = () => string;

/** As the option names of `tls.connect`, read now. */
export type TlsMaterial = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase'>;

export interface KafkaAccess {
  /** undefined: no TLS. */
  tls: (() => TlsMaterial) | undefined;
  sasl: { mechanism: SaslMechanism; username: Secret; password: Secret } | undefined;
}

export interface RegistryAccess {
  /** Authorities and certificate of an https address; undefined: those of Node. */
  tls: (() => TlsMaterial) | undefined;
  /** Value of the header `authorization`. */
  authorization: Secret | undefined;
}

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export type SaslMechanism = (typeof MECHANISMS)[number];

/** Collects a problem of the configuration. */
export type Wrong = (place: string, what: string, help: string) => undefined;

/** What rules and their packages have no business to see; a station takes them out of `process.env` once they are read. */
export const SECRET_VARIABLES: readonly string[] = [
  'KAFKA_SASL_PASSWORD',
  'KAFKA_TLS_KEY_PASSWORD',
  'SCHEMA_REGISTRY_PASSWORD',
  'SCHEMA_REGISTRY_TOKEN',
  'SCHEMA_REGISTRY_TLS_KEY_PASSWORD',
  'DATABASE_URL',
  'QUADRILLE_TOKEN',
  ...TRACE_SECRETS,
];

/** The variables of this page, for a process that is started on servers to which they do not belong. */
export const ACCESS_VARIABLES = /^(KAFKA|SCHEMA_REGISTRY)_(TLS|SASL|USERNAME|PASSWORD|TOKEN)(_|$)/;

/** `KAFKA_BROKERS`, taken apart. */
export function readBrokers(env: Environment, wrong: Wrong): string[] {
  if (!env.KAFKA_BROKERS) wrong('KAFKA_BROKERS', 'is not set', 'host:port of one or more brokers, separated by commas');
  const brokers = (env.KAFKA_BROKERS ?? '')
    .split(',')
    .map((broker) => broker.trim())
    .filter(Boolean);
  for (const broker of brokers) {
    if (!/^(\[[0-9a-f:]+\]|[^\s:]+):\d+$/i.test(broker))
      wrong('KAFKA_BROKERS', `${JSON.stringify(broker)} is not host:port`, 'e.g. 127.0.0.1:9092');
  }
  return brokers;
}

/** Problems are told to `wrong`; what is returned is of use only where there are none. */
export function readKafkaAccess(env: Environment, wrong: Wrong): KafkaAccess {
  const read = new Reader(env, wrong);
  const isOn = env.KAFKA_TLS === 'on';
  if (env.KAFKA_TLS !== undefined && !['', 'on', 'off'].includes(env.KAFKA_TLS))
    wrong('KAFKA_TLS', `${JSON.stringify(env.KAFKA_TLS)} is neither on nor off`, 'KAFKA_TLS=on');
  const tls = read.tls('KAFKA_TLS', isOn, 'set KAFKA_TLS=on, or leave it out');
  const mechanism = read.mechanism('KAFKA_SASL_MECHANISM');
  const username = read.secret('KAFKA_SASL_USERNAME');
  const password = read.secret('KAFKA_SASL_PASSWORD');
  if (mechanism === undefined) {
    for (const [name, value] of [
      ['KAFKA_SASL_USERNAME', username],
      ['KAFKA_SASL_PASSWORD', password],
    ] as const)
      if (value !== undefined && !env.KAFKA_SASL_MECHANISM)
        wrong('KAFKA_SASL_MECHANISM', `is not set, but ${name} is`, `one of ${MECHANISMS.join(', ')}`);
    return { tls: isOn ? tls : undefined, sasl: undefined };
  }
  if (username === undefined) wrong('KAFKA_SASL_USERNAME', 'is not set', 'needed by KAFKA_SASL_MECHANISM');
  if (password === undefined)
    wrong('KAFKA_SASL_PASSWORD', 'is not set', 'needed by KAFKA_SASL_MECHANISM; KAFKA_SASL_PASSWORD_FILE names a file');
  if (mechanism === 'PLAIN' && !isOn)
    wrong('KAFKA_SASL_MECHANISM', 'PLAIN sends the password as it is', 'set KAFKA_TLS=on, or use SCRAM-SHA-512');
  return {
    tls: isOn ? tls : undefined,
    sasl: { mechanism, username: username ?? (() => ''), password: password ?? (() => '') },
  };
}

/**
 * The registry's address without user and password, and how to get in. Both may stand in the address, or in variables of
 * their own.
 */
export function readRegistryAccess(env: Environment, wrong: Wrong): { url: string; access: RegistryAccess } {
  const read = new Reader(env, wrong);
  const given = (env.SCHEMA_REGISTRY_URL ?? '').trim().replace(/\/+$/, '');
  const address = URL.parse(given);
  const help = 'e.g. https://registry:8443/apis/ccompat/v7';
  if (given === '') wrong('SCHEMA_REGISTRY_URL', 'is not set', 'address of a Confluent-compatible registry');
  // Its text may hold a password: not quoted.
  else if (address === null) wrong('SCHEMA_REGISTRY_URL', 'is not a URL', help);
  else if (!/^https?:$/.test(address.protocol)) wrong('SCHEMA_REGISTRY_URL', 'is neither http nor https', help);
  const isTls = address?.protocol === 'https:';
  const tls = read.tls('SCHEMA_REGISTRY_TLS', isTls, 'let SCHEMA_REGISTRY_URL begin with https://, or leave it out');
  const username = read.secret('SCHEMA_REGISTRY_USERNAME');
  const password = read.secret('SCHEMA_REGISTRY_PASSWORD');
  const token = read.secret('SCHEMA_REGISTRY_TOKEN');
  if ((username === undefined) !== (password === undefined))
    wrong(
      `SCHEMA_REGISTRY_${username === undefined ? 'USERNAME' : 'PASSWORD'}`,
      'is not set, but its counterpart is',
      'set both, or none',
    );
  const inAddress = address !== null && (address.username !== '' || address.password !== '');
  if ([inAddress, username !== undefined, token !== undefined].filter(Boolean).length > 1)
    wrong(
      'SCHEMA_REGISTRY_URL',
      'there are several ways to get in',
      'keep one of: user in the address, user and password, token',
    );
  const basic = (user: string, secret: string): string =>
    `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
  const inUrl = inAddress ? [decoded(address.username), decoded(address.password)] : undefined;
  if (inAddress) {
    address.username = '';
    address.password = '';
  }
  return {
    url: inAddress ? address.href.replace(/\/+$/, '') : given,
    access: {
      tls: isTls ? tls : undefined,
      authorization:
        token !== undefined
          ? () => `Bearer ${token()}`
          : username !== undefined && password !== undefined
            ? () => basic(username(), password())
            : inUrl && (() => basic(inUrl[0]!, inUrl[1]!)),
    },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

class Reader {
  readonly #env: Environment;
  readonly #wrong: Wrong;

  constructor(env: Environment, wrong: Wrong) {
    this.#env = env;
    this.#wrong = wrong;
  }

  #tell(error: unknown): undefined {
    if (!(error instanceof Fault)) throw error;
    return this.#wrong(error.place ?? '', error.message.replace(/^[^:]*: /, ''), error.help);
  }

  /** Its value now must be usable; what cannot be read later is what it was before. */
  secret(name: string): Secret | undefined {
    try {
      if (secretOf(this.#env, name) === undefined) return undefined;
    } catch (error) {
      return this.#tell(error);
    }
    return kept(() => secretOf(this.#env, name) ?? '');
  }

  mechanism(name: string): SaslMechanism | undefined {
    const given = this.#env[name];
    if (!given) return undefined;
    const found = MECHANISMS.find((each) => each === given.toUpperCase());
    return found ?? this.#wrong(name, `${JSON.stringify(given)} is unknown`, `one of ${MECHANISMS.join(', ')}`);
  }

  /** @param isOn whether the connection is one by TLS; else naming files is a mistake. */
  tls(prefix: string, isOn: boolean, off: string): (() => TlsMaterial) | undefined {
    const names = ['CA', 'CERT', 'KEY'].map((kind) => `${prefix}_${kind}_FILE`);
    const [caName, certName, keyName] = names as [string, string, string];
    const [ca, cert, key] = names.map((name) => this.#env[name] || undefined);
    if (!isOn) {
      for (const name of names)
        if (this.#env[name]) this.#wrong(name, 'is set, but the connection is without TLS', off);
      return undefined;
    }
    if ((cert === undefined) !== (key === undefined))
      return this.#wrong(
        cert === undefined ? certName : keyName,
        'is not set, but its counterpart is',
        'a client has both',
      );
    const password = this.secret(`${prefix}_KEY_PASSWORD`);
    const read = (): TlsMaterial => ({
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
      ...(key === undefined ? {} : { key: readFileSync(key) }),
      ...(password === undefined ? {} : { passphrase: password() }),
    });
    const pem = 'name a PEM file that this user may read';
    for (const [name, file] of [
      [caName, ca],
      [certName, cert],
    ] as const) {
      if (file === undefined) continue;
      try {
        const { validTo } = new X509Certificate(readFileSync(file));
        if (Date.parse(validTo) < Date.now())
          this.#wrong(name, `the certificate in ${file} has expired on ${validTo}`, 'renew it');
      } catch (error) {
        return this.#wrong(name, `${file}: ${(error as Error).message}`, pem);
      }
    }
    try {
      createSecureContext(read());
    } catch (error) {
      return this.#wrong(keyName, `${key}: ${(error as Error).message}`, `${pem}; it must be the certificate's key`);
    }
    return kept(read);
  }
}

/** The last value that could be had: a file that is just being replaced ends no process. */
function kept<T>(read: () => T): () => T {
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // As it was: the server says whether it still holds.
    }
    return last;
  };
}
