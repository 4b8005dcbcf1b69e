/** A service of exchange rates: `GET /rates/USD`. Of ten requests one is answered with 503, and must come again. */
import type { RequestListener } from 'node:http';

/** Euros for one unit. */
const RATES: Readonly<Record<string, string>> = {
  EUR: '1',
  USD: '0.9215',
  GBP: '1.1622',
  CHF: '1.0433',
  JPY: '0.005871',
};
const FAILS = 10;

export function rates(): RequestListener {
  let asked = 0;
  return (request, response) => {
    const json = (status: number, text: string, headers = {}): void => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(text);
    };
    if (asked++ % FAILS === 0) return json(503, '{"error":"try again"}', { 'Retry-After': '1' });
    const code = decodeURIComponent(request.url!.slice('/rates/'.length));
    const rate = RATES[code];
    if (rate === undefined) json(404, '{"error":"no such currency"}');
    else json(200, `{"code":"${code}","rate":${rate}}`);
  };
}
