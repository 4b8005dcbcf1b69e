/** What a process of the replay service is told by its environment. All problems at once. */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { type Environment, secretOf } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import {
  type KafkaAccess,
  type RegistryAccess,
  readBrokers,
  readKafkaAccess,
  readRegistryAccess,
  readTraceSettings,
  type TraceSettings,
  type Wrong,
} from '@quadrille/station';
import { parseTokens, type Token } from './http/tokens.ts';

export interface ReplayConfig {
  brokers: string[];
  kafkaAccess: KafkaAccess;
  /** Without user and password. */
  registryUrl: string;
  registryAccess: RegistryAccess;
  databaseUrl: string;
  /** Schema of the database that holds the service's state; instances of one service share it. */
  schema: string;
  /** Flow files or their folders. */
  flows: string[];
  /** Where it listens. Port 0: any free one. */
  http: { host: string; port: number };
  /** Who may ask; undefined: whoever holds the token of `tokenFile`, on this machine only. */
  tokens: readonly Token[] | undefined;
  /** Where the token made at first start is kept. */
  tokenFile: string;
  /** Days after which what is resolved or discarded leaves the database. */
  retainDays: number;
  instance: string;
  logLevel: string;
  /** undefined: nothing is traced. */
  traces: TraceSettings | undefined;
  env: Environment;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/i;

/** Whether an address is of this machine alone. @param address IPv4 or IPv6, no name. */
export const isLoopback = (address: string): boolean => LOOPBACK.test(address);

/** Resolves the host to listen on. @throws Faults CONFIG_INVALID */
export async function readReplayConfig(env: Environment): Promise<ReplayConfig> {
  const faults: Fault[] = [];
  const wrong = (place: string, what: string, help: string): undefined => {
    faults.push(new Fault('CONFIG_INVALID', what, { place, help }));
    return undefined;
  };
  const need = (name: string, help: string): string => env[name] || wrong(name, 'is not set', help) || '';
  const brokers = readBrokers(env, wrong);
  const kafkaAccess = readKafkaAccess(env, wrong);
  const registry = readRegistryAccess(env, wrong);
  const databaseUrl = readDatabaseUrl(env, wrong);
  // Its text may hold a password: never quoted.
  if (databaseUrl !== '' && !/^postgres(ql)?:$/.test(URL.parse(databaseUrl)?.protocol ?? ''))
    wrong('DATABASE_URL', 'is not a PostgreSQL address', 'e.g. postgres://user:password@host:5432/database');
  const schema = env.QUADRILLE_REPLAY_SCHEMA ?? 'quadrille_replay';
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema))
    wrong(
      'QUADRILLE_REPLAY_SCHEMA',
      `${JSON.stringify(schema)} is not a name of a schema`,
      'lower case letters, digits and underscores',
    );
  const flows = need('QUADRILLE_FLOWS', `flow files or their folders, separated by \`${delimiter}\``)
    .split(delimiter)
    .filter(Boolean);
  const http = listenAddress(env, wrong);
  const tokens = readTokens(env, wrong);
  if (http !== undefined && tokens === undefined && !env.QUADRILLE_TOKENS && !env.QUADRILLE_TOKENS_FILE)
    await stayOnLoopback(http.host, wrong);
  const days = Number(env.QUADRILLE_RETAIN_DAYS ?? 90);
  if (!(Number.isInteger(days) && days >= 1 && days <= 36_500))
    wrong(
      'QUADRILLE_RETAIN_DAYS',
      `${JSON.stringify(env.QUADRILLE_RETAIN_DAYS)} is not a whole number from 1 to 36500`,
      'correct it or leave it out',
    );
  const logLevel = env.QUADRILLE_LOG ?? 'info';
  if (!LEVELS.includes(logLevel))
    wrong('QUADRILLE_LOG', `${JSON.stringify(logLevel)} is not a level`, `one of ${LEVELS.join(', ')}`);
  const traces = readTraceSettings(env, wrong);
  if (faults.length > 0) throw new Faults(faults);
  return {
    brokers,
    kafkaAccess,
    registryUrl: registry.url,
    registryAccess: registry.access,
    databaseUrl,
    schema,
    flows,
    http: http!,
    tokens,
    tokenFile: resolve(env.QUADRILLE_TOKEN_FILE || '.quadrille/replay.token'),
    retainDays: days,
    instance: env.QUADRILLE_INSTANCE ?? `${hostname()}-${process.pid}`,
    logLevel,
    traces,
    env: { ...env },
  };
}

function readDatabaseUrl(env: Environment, wrong: Wrong): string {
  try {
    return (
      secretOf(env, 'DATABASE_URL') ??
      wrong('DATABASE_URL', 'is not set', 'postgres://user:password@host:port/database') ??
      ''
    );
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return wrong(error.place ?? '', error.message, error.help) ?? '';
  }
}

function listenAddress(env: Environment, wrong: Wrong): { host: string; port: number } | undefined {
  const listen = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(env.QUADRILLE_HTTP ?? '127.0.0.1:0');
  if (listen === null || Number(listen[2]) > 65_535)
    return wrong('QUADRILLE_HTTP', `${JSON.stringify(env.QUADRILLE_HTTP)} is not host:port`, 'e.g. 127.0.0.1:8470');
  return { host: listen[1]!.replace(/^\[|\]$/g, ''), port: Number(listen[2]) };
}

function readTokens(env: Environment, wrong: Wrong): Token[] | undefined {
  const { QUADRILLE_TOKENS: text, QUADRILLE_TOKENS_FILE: file } = env;
  if (text && file)
    return wrong('QUADRILLE_TOKENS', 'is set, and QUADRILLE_TOKENS_FILE is too', 'leave one of them out');
  if (!text && !file) return undefined;
  const place = text ? 'QUADRILLE_TOKENS' : 'QUADRILLE_TOKENS_FILE';
  const help = 'a JSON list of {"name", "role", "sha256"}; see docs/how-to/secure-the-replay-service.md';
  try {
    const { tokens, problems } = parseTokens(text || readFileSync(file!, 'utf8'));
    for (const problem of problems) wrong(place, text ? problem : `${file}: ${problem}`, help);
    return tokens;
  } catch (error) {
    return wrong(place, (error as Error).message, help);
  }
}

/** Every address that the host stands for must be of this machine: a name may stand for several. */
async function stayOnLoopback(host: string, wrong: Wrong): Promise<void> {
  const help = 'name the tokens in QUADRILLE_TOKENS_FILE or QUADRILLE_TOKENS, or listen on 127.0.0.1';
  let addresses: { address: string }[];
  try {
    addresses = await lookup(host, { all: true });
  } catch (error) {
    wrong('QUADRILLE_HTTP', `${host} cannot be resolved: ${(error as Error).message}`, help);
    return;
  }
  const open = addresses.filter(({ address }) => !isLoopback(address));
  if (open.length > 0)
    wrong('QUADRILLE_HTTP', `${host} can be reached from other machines, and no tokens are named`, help);
}
