/** Shops that report card payments to the webhook, and call again until they are told that it was taken or why it was not. */
import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { paymentOf } from './payment.ts';

/** They call side by side. */
const SHOPS = 32;
/** Every so many of them have not heard the answer, and call again with the same key. */
const DEAF = 20;

export interface Calls {
  url: string;
  secret: string;
  cards: number;
  stop: AbortSignal;
}

export async function shops({ url, secret, cards, stop }: Calls): Promise<{ taken: number; refused: number }> {
  const sum = { taken: 0, refused: 0 };
  let next = 0;
  const shop = async (): Promise<void> => {
    while (next < cards && !stop.aborted) {
      const number = next++;
      const status = await report(url, secret, number, stop);
      if (status === 202) sum.taken++;
      else if (status === 422) sum.refused++;
      if (number % DEAF === 0) await report(url, secret, number, stop);
    }
  };
  await Promise.all(Array.from({ length: SHOPS }, shop));
  return sum;
}

/** @returns 202 or 422; 0 when told to stop before. */
async function report(url: string, secret: string, number: number, stop: AbortSignal): Promise<number> {
  const payment = paymentOf('card', number);
  const body = JSON.stringify(payment);
  while (!stop.aborted) {
    const time = String(Math.floor(Date.now() / 1_000));
    const signature = createHmac('sha256', secret).update(`${time}.${payment.payment}.${body}`).digest('hex');
    const headers = {
      'Content-Type': 'application/json',
      'Idempotency-Key': payment.payment,
      'X-Timestamp': time,
      'X-Signature': signature,
    };
    const status = await fetch(url, { method: 'POST', headers, body, signal: stop })
      .then((answer) => answer.arrayBuffer().then(() => answer.status))
      .catch(() => 0);
    if (status === 202 || status === 422) return status;
    // Not there yet, away, or full.
    await wait(200, undefined, { signal: stop }).catch(() => {});
  }
  return 0;
}
