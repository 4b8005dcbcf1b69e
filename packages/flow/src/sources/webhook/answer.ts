/** What a caller is told: taken, or for each item why not. */
import type { Fault } from '@quadrille/record';
import type { Call } from './calls.ts';

export interface Told {
  status: number;
  body: object;
}

export const ofFault = ({ code, message, field, place, help }: Fault): object => ({
  code,
  message,
  ...(field !== undefined && { field }),
  ...(place !== undefined && { place }),
  help,
});

/**
 * Of a call that is settled. One item: 202, or 422 with the fault. A list: 202 when all were taken, 422 when none was, else
 * 207, with a status for each.
 */
export function ofSettled({ items, rejected }: Call, list: boolean): Told {
  const taken = items.length - rejected.size;
  if (!list) {
    const fault = rejected.get(0);
    return fault === undefined
      ? { status: 202, body: { taken: 1, rejected: 0 } }
      : { status: 422, body: ofFault(fault) };
  }
  const status = rejected.size === 0 ? 202 : taken === 0 ? 422 : 207;
  const verdicts = items.map((_, index) => {
    const fault = rejected.get(index);
    return fault === undefined ? { status: 202 } : { status: 422, ...ofFault(fault) };
  });
  return { status, body: { taken, rejected: rejected.size, items: verdicts } };
}

/** Statuses of what is refused before anything is taken. */
const STATUS: Readonly<Record<string, number>> = {
  SIGNATURE_INVALID: 401,
  TOO_MANY_REQUESTS: 429,
  CALL_AGAIN: 503,
  NOT_FOUND: 404,
};

export const ofRefused = (fault: Fault): Told => ({ status: STATUS[fault.code] ?? 400, body: ofFault(fault) });
