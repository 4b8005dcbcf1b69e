/** One HTTP request over connections that are kept and counted: fetch opens as many as it likes. */
import { Agent as HttpAgent, type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';

/** Connections to one server; at most `connections` at once, further requests wait. */
export const connectionsTo = (url: string, connections: number): HttpAgent =>
  new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxSockets: connections,
    maxFreeSockets: connections,
  });

export interface HttpRequest {
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  agent: HttpAgent;
  /** For the whole of it, waiting for a connection included. */
  timeoutMs: number;
  /** The largest body that is read. */
  bytes: number;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Redirects are answers like others. @throws what the connection throws, with a message fit to be shown. */
export async function request(url: string, options: HttpRequest): Promise<HttpAnswer> {
  try {
    return await attempt(url, options);
  } catch (error) {
    // A kept connection that the server closed as we took it: nothing has been read of the request.
    if (error instanceof ClosedBefore) return attempt(url, options);
    throw error;
  }
}

class ClosedBefore extends Error {}

function attempt(url: string, { method, headers, body, agent, timeoutMs, bytes }: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const content = body === undefined ? undefined : Buffer.from(body);
    const length = content === undefined ? {} : { 'content-length': String(content.length) };
    const sent = send(url, { method, agent, headers: { ...headers, ...length } }, (answer) => {
      const parts: Buffer[] = [];
      let size = 0;
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > bytes) sent.destroy(new Error(`the answer is longer than ${bytes} bytes`));
        else parts.push(part);
      });
      answer.on('end', () => {
        clearTimeout(timer);
        const text = Buffer.concat(parts).toString('utf8');
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
      answer.on('error', failed);
    });
    const timer = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    function failed(error: Error & { code?: string }): void {
      clearTimeout(timer);
      const first = error instanceof AggregateError ? error.errors[0] : error;
      const stale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale ? new ClosedBefore(error.message, { cause: error }) : first);
    }
    sent.on('error', failed);
    sent.end(content);
  });
}
