/** The replay service as the process that runs in production, with a database schema of the test's own. */
import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReplayStatus } from '@quadrille/replay';
import type { ErrorBody, Replay, ReplayAnswer } from '@quadrille/replay/api';
import { Client } from 'pg';
import { type FlowFixture, ROOT } from './flow-fixture.ts';
import { StationProcess } from './station-process.ts';
import { until } from './until.ts';

/** An answer other than 2xx. */
export class ApiError extends Error {
  readonly status: number;
  readonly codes: string[];
  readonly body: ErrorBody;
  constructor(status: number, body: ErrorBody) {
    super(`${status}: ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
    this.codes = body.errors.map(({ code }) => code);
  }
}

export class ReplayService extends StationProcess<ReplayStatus> {
  #tokenFile = '';

  /** Where the token of this folder is kept. */
  set tokenFile(file: string) {
    this.#tokenFile = file;
  }

  /** Listening, leading, and everything that stood in the topics taken in. */
  async ready(): Promise<this> {
    await this.until(
      ({ state, url, caughtUp, leading }) => state === 'running' && url !== undefined && leading && caughtUp,
    );
    return this;
  }

  /** @throws ApiError */
  async call<T>(path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.status!.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${(await readFile(this.#tokenFile, 'utf8')).trim()}`,
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json: unknown = await answer.json();
    if (!answer.ok) throw new ApiError(answer.status, json as ErrorBody);
    return json as T;
  }

  /** Asks for a replay and carries it out. @returns the one replay it led to. */
  async replay(request: object): Promise<Replay> {
    const { replays } = await this.call<ReplayAnswer>('/v1/replays', { ...request, execute: true });
    if (replays.length !== 1) throw new Error(`${replays.length} replays instead of one`);
    return replays[0]!;
  }

  /** Resolves once a replay is over, and what it has led to further down is known. */
  async over(id: string, ms = 60_000): Promise<Replay> {
    let last: Replay | undefined;
    await until(
      `replay ${id} over`,
      async () => {
        last = await this.call<Replay>(`/v1/replays/${id}`);
        return ['done', 'cancelled', 'stopped'].includes(last.state) && (last.outcomes.pending ?? 0) === 0;
      },
      ms,
      () => JSON.stringify(last),
    );
    return last!;
  }
}

/** The service's schema of one fixture; instances share it. */
export const replaySchema = (fixture: FlowFixture): string => `replay_${fixture.name}`;

/** Starts services/replay/main.ts for the flow. It is not ready yet when this resolves. */
export async function startReplayService(
  fixture: FlowFixture,
  env: Record<string, string> = {},
): Promise<ReplayService> {
  const { brokers, registryUrl, databaseUrl } = fixture.clients.addresses;
  const tokenFile = join(fixture.folder, '.quadrille', 'replay.token');
  await mkdir(join(fixture.folder, '.quadrille'), { recursive: true });
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(ROOT, 'services', 'replay', 'main.ts')], {
    cwd: fixture.folder,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    env: {
      ...inherited,
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      DATABASE_URL: databaseUrl,
      QUADRILLE_FLOWS: fixture.folder,
      QUADRILLE_HTTP: '127.0.0.1:0',
      QUADRILLE_TOKEN_FILE: tokenFile,
      QUADRILLE_REPLAY_SCHEMA: replaySchema(fixture),
      ...env,
    },
  });
  const service = new ReplayService(`${fixture.name} replay service`, child, 0);
  service.tokenFile = tokenFile;
  fixture.stations.add(service);
  fixture.atEnd(() => dropReplaySchema(fixture));
  void service.exited.then(() => fixture.stations.delete(service));
  return service;
}

/** As if the database had been lost: the service makes it anew of Kafka alone. */
export async function dropReplaySchema(fixture: FlowFixture): Promise<void> {
  const client = new Client({ connectionString: fixture.clients.addresses.databaseUrl });
  await client.connect();
  try {
    await client.query(`DROP SCHEMA IF EXISTS ${client.escapeIdentifier(replaySchema(fixture))} CASCADE`);
  } finally {
    await client.end();
  }
}
