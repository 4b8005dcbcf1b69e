/** TLS in front of the run's own registry and PostgreSQL, as a company has it: an authority of its own, a token. */
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Certificate } from './certificates.ts';

export interface Gateway extends AsyncDisposable {
  port: number;
}

async function listening(server: Server): Promise<Gateway> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Passes requests on that bring one of these values of `authorization`; answers 401 to others. */
export function registryGateway({ cert, key }: Certificate, to: string, allowed: readonly string[]): Promise<Gateway> {
  const target = new URL(to);
  const server = createHttps({ cert, key }, (asked, answer) => {
    if (!allowed.includes(asked.headers.authorization ?? '')) {
      answer.writeHead(401).end();
      return;
    }
    const { authorization: _, ...headers } = asked.headers;
    const passed = request(
      { host: target.hostname, port: target.port, path: asked.url, method: asked.method, headers, agent: false },
      (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  return listening(server);
}

/** SSLRequest of PostgreSQL's protocol: length 8, code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Speaks TLS with clients, and plainly with the server. */
export function databaseGateway({ cert, key }: Certificate, to: string): Promise<Gateway> {
  const { hostname, port } = new URL(to);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (first: Buffer) => {
      // Without TLS nobody gets through.
      if (!first.equals(SSL_REQUEST)) return void socket.destroy();
      socket.write('S');
      const secure = new TLSSocket(socket, { isServer: true, cert, key });
      const behind = connect(Number(port), hostname);
      secure.pipe(behind).pipe(secure);
      secure.on('error', () => behind.destroy()).on('close', () => behind.destroy());
      behind.on('error', () => secure.destroy()).on('close', () => secure.destroy());
    });
  });
  return listening(server);
}
