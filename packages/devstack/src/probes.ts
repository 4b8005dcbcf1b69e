/** Whether a server answers, asked in its own protocol: a port that is open proves little. */
import { connect } from 'node:net';
import pg from 'pg';

/** A connection can be opened within the time. */
export function accepts(host: string, port: number, timeoutMs = 2000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(timeoutMs, () => answer(false));
    socket.on('connect', () => answer(true));
    socket.on('error', () => answer(false));
  });
}

/**
 * How many brokers this one knows of as alive, by a Metadata request of version 1 for no topics; 0 when it does not
 * answer as a Kafka broker without TLS and SASL would.
 */
export function brokersKnownBy(host: string, port: number, timeoutMs = 2000): Promise<number> {
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 4);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(3, 4); // Metadata
  request.writeInt16BE(1, 6); // version
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => socket.write(request));
    let received = Buffer.alloc(0);
    const answer = (count: number) => {
      socket.destroy();
      resolve(count);
    };
    socket.setTimeout(timeoutMs, () => answer(0));
    socket.on('error', () => answer(0));
    socket.on('close', () => answer(0));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      // length, correlation id, then the length of the array of brokers
      if (received.length >= 12) answer(received.readInt32BE(4) === 1 ? received.readInt32BE(8) : 0);
    });
  });
}

/** Undefined when the registry lists its subjects; else what was wrong. Credentials may stand in the URL. */
export async function registryProblem(registryUrl: string, timeoutMs = 5000): Promise<string | undefined> {
  const url = new URL(`${registryUrl.replace(/\/+$/, '')}/subjects`);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (url.username !== '') {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`;
    url.username = '';
    url.password = '';
  }
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
    if (!answer.ok) return `GET ${url} answered ${answer.status}`;
    return Array.isArray(await answer.json()) ? undefined : `GET ${url} did not answer with a list of subjects`;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Undefined when a query is answered; else what was wrong. */
export async function databaseProblem(databaseUrl: string, timeoutMs = 5000): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: timeoutMs });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** fetch and pg wrap what happened in an error of their own without words. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ');
  if (error instanceof Error) return error.cause === undefined ? error.message : reasonOf(error.cause);
  return String(error);
}
