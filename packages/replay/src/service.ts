/**
 * The service put together. It listens at once, waits for Kafka, registry and PostgreSQL as long as that takes, and then
 * answers; of several instances one leads: it follows the topics and runs the replays.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@quadrille/record';
import {
  connectKafka,
  KafkaAdmin,
  type Log,
  Outlet,
  OWN_CODECS,
  OWN_TOPICS,
  openTraces,
  Registry,
  SERVICE_USERS,
  VERSION,
} from '@quadrille/station';
import { awayOf } from './away.ts';
import { type Bound, bind } from './bind.ts';
import type { ReplayConfig } from './config.ts';
import { openDatabase } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { Flows } from './flows.ts';
import { awaited } from './http/awaited.ts';
import { createServer, listen } from './http/server.ts';
import { holderOf, localToken } from './http/tokens.ts';
import { createMetrics } from './metrics.ts';
import type { Ground } from './model.ts';
import type { ReplayStatus } from './status.ts';

export interface Service {
  status(): ReplayStatus;
  /** Resolves once all is closed after the signal. @throws what waiting cannot mend. */
  ended: Promise<void>;
}

const CONNECTIONS = 12;
const LOOK_MS = 2_000;

/** @param signal ends the service in order: no new requests, duties finished or given up, everything closed. */
export function startService(config: ReplayConfig, log: Log, signal: AbortSignal): Service {
  const life = new Life(config, log, signal);
  return { status: () => life.status(), ended: life.run() };
}

class Life {
  readonly #config: ReplayConfig;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  #bound: Bound | undefined;
  #url: string | undefined;
  #since = Date.now();
  #state: ReplayStatus['state'] = 'starting';
  #reason: Fault | undefined;

  constructor(config: ReplayConfig, log: Log, signal: AbortSignal) {
    this.#config = config;
    this.#log = log;
    this.#signal = signal;
  }

  status(): ReplayStatus {
    const reason = this.#reason;
    return {
      state: this.#state,
      since: new Date(this.#since).toISOString(),
      ...(reason === undefined ? {} : { reason: { code: reason.code, message: reason.message, help: reason.help } }),
      ...(this.#url === undefined ? {} : { url: this.#url }),
      leading: this.#bound?.leading() ?? false,
      caughtUp: this.#bound?.caughtUp() ?? false,
    };
  }

  async run(): Promise<void> {
    const { http, tokens, tokenFile } = this.#config;
    const flows = await Flows.read(this.#config.flows);
    const server = await createServer({
      backend: awaited(
        () => this.#bound?.backend,
        () => this.#reason ?? new Fault('DATABASE_UNAVAILABLE', 'the service is starting'),
      ),
      holder: holderOf(tokens ?? [localToken(tokenFile)]),
      sensitivity: () => flows.sensitivity,
      metrics: createMetrics({
        open: async () => (await this.#bound?.figures.open()) ?? [],
        letters: async () => (await this.#bound?.figures.letters()) ?? [],
        replays: async () => (await this.#bound?.figures.replays()) ?? [],
        behind: () => this.#bound?.figures.behind(),
        leading: () => this.#bound?.leading() ?? false,
      }),
      log: this.#log,
    });
    try {
      this.#url = await listen(server, http);
      this.#log.info({ url: this.#url, flows: [...flows.byName.keys()] }, 'listening');
      await this.#work(flows);
    } finally {
      this.#become('stopping');
      await server.close();
    }
  }

  async #work(flows: Flows): Promise<void> {
    const { brokers, kafkaAccess, registryUrl, registryAccess, databaseUrl, schema, instance, env } = this.#config;
    const log = this.#log;
    const kafka = connectKafka(
      {
        brokers,
        access: kafkaAccess,
        clientId: `${SERVICE_USERS.replay}@${instance}`,
        reader: SERVICE_USERS.replay,
        sessionTimeoutMs: 30_000,
      },
      log,
    );
    const admin = new KafkaAdmin(kafka);
    const outlet = new Outlet(kafka);
    const registry = new Registry(registryUrl, registryAccess);
    const database = openDatabase(databaseUrl, schema, CONNECTIONS);
    const service = { name: SERVICE_USERS.replay, instance, version: VERSION, attributes: {} };
    const traces = await openTraces(this.#config.traces, service, log);
    const ground: Ground = {
      database,
      kafka,
      admin,
      outlet,
      registry,
      flows: flows.byName,
      instance,
      env,
      log,
      traces,
    };
    // Ends the duties, too, when one of them fails.
    const ending = new AbortController();
    const end = (): void => ending.abort();
    this.#signal.addEventListener('abort', end);
    if (this.#signal.aborted) end();
    try {
      if (!(await this.#untilThere(ground))) return;
      this.#bound = bind(ground, this.#config, ending.signal);
      this.#become('running');
      await Promise.all([this.#bound.ended, flows.watch(ending.signal, log), this.#watch(ending.signal)]);
    } finally {
      end();
      await this.#bound?.ended.catch(() => {});
      this.#signal.removeEventListener('abort', end);
      await Promise.allSettled([outlet.close(), admin.close(), database.close(), traces?.close()]);
    }
  }

  /** @returns false when told to stop before. @throws what waiting cannot mend. */
  async #untilThere(ground: Ground): Promise<boolean> {
    for (let wait = 100; !this.#signal.aborted; wait = Math.min(2 * wait, 2_000)) {
      try {
        await migrate(ground.database, this.#config.schema);
        await makeOwn(ground);
        return true;
      } catch (error) {
        const fault = awayOf(error);
        if (fault === undefined) throw error;
        this.#hold(fault);
      }
      await sleep(wait, undefined, { signal: this.#signal }).catch(() => {});
    }
    return false;
  }

  /** Says when the database is away, and when it is back. */
  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
      const fault = await this.#bound?.backend.unready();
      if (signal.aborted) return;
      if (fault !== undefined) this.#hold(fault);
      else this.#become('running');
    }
  }

  #hold(fault: Fault): void {
    if (this.#reason?.message !== fault.message)
      this.#log.warn({ code: fault.code, place: fault.place }, fault.message);
    this.#become('held', fault);
  }

  #become(state: ReplayStatus['state'], reason?: Fault): void {
    if (this.#state !== state) this.#since = Date.now();
    this.#state = state;
    this.#reason = reason;
  }
}

/** The engine's own topics and schemas; the flow's are made where the flow is deployed. */
async function makeOwn({ admin, outlet, registry }: Ground): Promise<void> {
  await admin.createTopics(OWN_TOPICS, Math.min(3, await admin.brokers()));
  for (const { topic, config } of OWN_TOPICS) {
    const bytes = config['max.message.bytes'];
    if (bytes !== undefined) outlet.limit(topic, Number(bytes));
  }
  for (const codec of OWN_CODECS) codec.id = await registry.register(codec.subject, codec.text);
}
