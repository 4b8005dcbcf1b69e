/** Asks the service of this container for its health: `healthcheck.mjs /live`, or `/ready`. Exit code 0 for 200, else 1. */
import { get } from 'node:http';

const [, port = '9464'] = /:(\d+)$/.exec(process.env.QUADRILLE_HTTP ?? '') ?? [];
get(`http://127.0.0.1:${port}${process.argv[2] ?? '/live'}`, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
).on('error', () => process.exit(1));
