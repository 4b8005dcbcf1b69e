/** Health and metrics of a station. Loopback unless told otherwise; nothing here changes anything. */
import { Fault } from '@quadrille/record';
import fastify, { type FastifyInstance } from 'fastify';
import type { Health } from './health.ts';
import type { StationMetrics, Totals } from './metrics.ts';

export interface StationStatus {
  flow: string;
  station: string;
  kind: string;
  instance: string;
  state: string;
  /** Since when, ISO-8601. */
  since: string;
  reason?: { code: string; message: string; help: string };
  totals: Totals;
  /** Extractors: every shard there is has been read, or cannot be read. */
  exhausted?: boolean;
}

/** A loop that has not come round for this long is not alive. */
const SILENT_MS = 60_000;

/**
 * `/live`: 200 while the loop comes round, whatever brokers and databases do. `/ready`: 200 while it works, else 503
 * with the reason. `/metrics`: Prometheus text. `/status`: JSON.
 * @returns the address. @throws Fault PORT_TAKEN, CONFIG_INVALID
 */
export async function serve(
  at: { host: string; port: number },
  health: Health,
  metrics: StationMetrics | undefined,
  status: () => StationStatus,
): Promise<{ server: FastifyInstance; port: number }> {
  const server = fastify({ logger: false, bodyLimit: 1024 });
  server.get('/live', async (_, reply) =>
    reply.code(health.silentMs < SILENT_MS ? 200 : 503).send({ silentMs: Math.round(health.silentMs) }),
  );
  server.get('/ready', async (_, reply) => reply.code(health.ready ? 200 : 503).send(status()));
  server.get('/status', async () => status());
  if (metrics !== undefined) {
    const { registry } = metrics;
    server.get('/metrics', async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  }
  try {
    await server.listen(at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new Fault('PORT_TAKEN', '', { place: `${at.host}:${at.port}`, cause: error });
    throw new Fault('CONFIG_INVALID', error instanceof Error ? error.message : String(error), {
      place: 'QUADRILLE_HTTP',
      help: 'an address of this machine and a port that this user may open, e.g. 127.0.0.1:9464',
      cause: error,
    });
  }
  return { server, port: (server.server.address() as { port: number }).port };
}
