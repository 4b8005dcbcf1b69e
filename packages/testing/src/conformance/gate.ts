/** A TCP port in front of a server, that a test can close, and cut connections at. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Gate {
  readonly #host: string;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #own = 0;
  #open = 0;
  #peak = 0;

  /** @param host @param port of the server behind. */
  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Its own port, on 127.0.0.1; the same after each opening. */
  get port(): number {
    return this.#own;
  }

  /** The most connections that were open at once. */
  get peak(): number {
    return this.#peak;
  }

  async open(): Promise<void> {
    const server = createServer((inside) => {
      this.#open++;
      this.#peak = Math.max(this.#peak, this.#open);
      inside.once('close', () => this.#open--);
      const outside = connect(this.#port, this.#host);
      for (const [socket, other] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.#own, '127.0.0.1', resolve));
    this.#own = (server.address() as { port: number }).port;
    this.#server = server;
  }

  /** Cuts what is connected. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts, and takes nothing more until `open`. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    this.cut();
    await closed;
  }
}
