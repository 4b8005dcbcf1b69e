/**
 * Who has to do with the payments: shops that call the webhook, the bank whose database fills an outbox, a service of
 * exchange rates that fails now and then, and the desk that looks at cases. In production there are real ones.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { outside } from '@quadrille/flow';
import { bank } from './outside/bank.ts';
import { desk } from './outside/desk.ts';
import { rates } from './outside/rates.ts';
import { shops } from './outside/shops.ts';

const CARDS = 3_000;
const TRANSFERS = 1_000;

export default outside({
  doc: 'Shops that call, the bank, the rates, the case desk.',
  async start({ flow, databaseUrl, stateFolder, say, stop }) {
    const services = [await listening(createServer(rates())), await listening(createServer(desk(stateFolder)))];
    const webhook = await freePort();
    const secret = randomBytes(24).toString('base64url');
    const paid = await bank({ flow, databaseUrl, transfers: TRANSFERS });
    const env = {
      RATES_URL: addressOf(services[0]!),
      DESK_URL: addressOf(services[1]!),
      PAYMENTS_SECRET: secret,
      QUADRILLE_WEBHOOK: `127.0.0.1:${webhook}`,
    };
    const done = Promise.all([
      shops({ url: `http://127.0.0.1:${webhook}/payments`, secret, cards: CARDS, stop }),
      paid(stop),
    ]).then(([{ taken, refused }]) => {
      say(`the shops have reported ${taken} payments, ${refused} were refused; the bank has made its transfers`);
    });
    return {
      env,
      done,
      async close() {
        for (const service of services) service.close().closeAllConnections();
      },
    };
  },
});

async function listening(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function freePort(): Promise<number> {
  const server = await listening(createServer());
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
