/** What a station's process is told by its environment. All problems at once. */
import { hostname } from 'node:os';
import { Fault, Faults } from '@quadrille/record';
import { type KafkaAccess, type RegistryAccess, readBrokers, readKafkaAccess, readRegistryAccess } from './access.ts';
import { readTraceSettings, type TraceSettings } from './traces/settings.ts';

export interface StationConfig {
  /** Flow file or its folder. */
  flow: string;
  station: string;
  instance: string;
  brokers: string[];
  kafkaAccess: KafkaAccess;
  /** Without user and password. */
  registryUrl: string;
  registryAccess: RegistryAccess;
  /** Where health and metrics listen. Port 0: any free one. */
  http: { host: string; port: number };
  logLevel: string;
  sessionTimeoutMs: number;
  /** Without ledger, or without metrics: only to measure what they cost. */
  ledger: boolean;
  metrics: boolean;
  /** undefined: nothing is traced. */
  traces: TraceSettings | undefined;
  env: Readonly<Record<string, string | undefined>>;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @throws Faults CONFIG_INVALID */
export function readConfig(env: Readonly<Record<string, string | undefined>>): StationConfig {
  const faults: Fault[] = [];
  const wrong = (place: string, what: string, help: string): undefined => {
    faults.push(new Fault('CONFIG_INVALID', what, { place, help }));
    return undefined;
  };
  const need = (name: string, help: string): string => env[name] || wrong(name, 'is not set', help) || '';
  const number = (name: string, fallback: number, low: number, high: number): number => {
    const value = env[name] === undefined ? fallback : Number(env[name]);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    wrong(
      name,
      `${JSON.stringify(env[name])} is not a whole number from ${low} to ${high}`,
      'correct it or leave it out',
    );
    return fallback;
  };
  const brokers = readBrokers(env, wrong);
  const kafkaAccess = readKafkaAccess(env, wrong);
  const registry = readRegistryAccess(env, wrong);
  const listen = /^(.+):(\d+)$/.exec(env.QUADRILLE_HTTP ?? '127.0.0.1:0');
  if (listen === null || Number(listen[2]) > 65535)
    wrong('QUADRILLE_HTTP', `${JSON.stringify(env.QUADRILLE_HTTP)} is not host:port`, 'e.g. 127.0.0.1:9464');
  const logLevel = env.QUADRILLE_LOG ?? 'info';
  if (!LEVELS.includes(logLevel))
    wrong('QUADRILLE_LOG', `${JSON.stringify(logLevel)} is not a level`, `one of ${LEVELS.join(', ')}`);
  const config: StationConfig = {
    flow: need('QUADRILLE_FLOW', 'path of the flow file or its folder'),
    station: need('QUADRILLE_STATION', 'name of a station of the flow'),
    instance: env.QUADRILLE_INSTANCE ?? `${hostname()}-${process.pid}`,
    brokers,
    kafkaAccess,
    registryUrl: registry.url,
    registryAccess: registry.access,
    http: { host: listen?.[1] ?? '127.0.0.1', port: Number(listen?.[2] ?? 0) },
    logLevel,
    sessionTimeoutMs: number('QUADRILLE_SESSION_TIMEOUT_MS', 30_000, 1_000, 300_000),
    ledger: env.QUADRILLE_LEDGER !== 'off',
    metrics: env.QUADRILLE_METRICS !== 'off',
    traces: readTraceSettings(env, wrong),
    // A copy: secrets are taken out of the process's own.
    env: { ...env },
  };
  if (faults.length > 0) throw new Faults(faults);
  return config;
}
