/**
 * One instance leads: whoever holds an advisory lock of PostgreSQL, on a connection of its own. When that connection ends,
 * the lock is gone at the same moment for everybody, and this instance's duties are aborted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@quadrille/station';
import pg from 'pg';
import type { Duty } from '../model.ts';

export interface Leading {
  leading(): boolean;
  /** Resolves after `signal`, once the duties have ended. Rejects when a duty fails: the process must end. */
  ended: Promise<void>;
}

const RETRY_MS = 500;
/** How often the connection is asked whether it still stands. */
const PROBE_MS = 2_000;
const PROBE_TIMEOUT_MS = 5_000;

export function lead(
  databaseUrl: string,
  schema: string,
  duties: readonly Duty[],
  signal: AbortSignal,
  log: Log,
): Leading {
  const state = { leading: false };
  return { leading: () => state.leading, ended: contend() };

  async function contend(): Promise<void> {
    while (!signal.aborted) {
      try {
        await reign();
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        log.warn({ error: error.message }, 'leadership is not to be had now');
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Waits for the lock, leads until the connection ends or the service stops. */
  async function reign(): Promise<void> {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'quadrille replay service, leader',
      connectionTimeoutMillis: 5_000,
      query_timeout: PROBE_TIMEOUT_MS,
      keepAlive: true,
    });
    const lost = new AbortController();
    const lose = (): void => lost.abort();
    client.on('error', lose);
    client.on('end', lose);
    const over = AbortSignal.any([signal, lost.signal]);
    try {
      await client.connect().catch((error) => {
        throw new ConnectionLost(String((error as Error).message));
      });
      if (!(await locked(client, over))) return;
      state.leading = true;
      log.info({}, 'leading');
      const probing = probe(client, over, lose);
      try {
        // Nobody else leads before the last of them has ended: the lock is kept until then.
        const ended = await Promise.allSettled(duties.map((duty) => duty(over).finally(lose)));
        for (const end of ended) if (end.status === 'rejected') throw end.reason;
      } finally {
        state.leading = false;
        lose();
        await probing;
        log.info({}, 'no longer leading');
      }
    } finally {
      await client.end().catch(() => {});
    }
  }

  async function locked(client: pg.Client, over: AbortSignal): Promise<boolean> {
    while (!over.aborted) {
      const answer = await client
        .query<{ got: boolean }>('SELECT pg_try_advisory_lock(hashtextextended($1, 2)) AS got', [
          `quadrille lead ${schema}`,
        ])
        .catch((error) => {
          throw new ConnectionLost(String((error as Error).message));
        });
      if (answer.rows[0]?.got === true) return true;
      await sleep(RETRY_MS, undefined, { signal: over }).catch(() => {});
    }
    return false;
  }
}

/** The lock's connection could not be had, or has ended. */
class ConnectionLost extends Error {}

async function probe(client: pg.Client, over: AbortSignal, lose: () => void): Promise<void> {
  while (!over.aborted) {
    await sleep(PROBE_MS, undefined, { signal: over }).catch(() => {});
    if (!over.aborted) await client.query('SELECT 1').catch(lose);
  }
}
