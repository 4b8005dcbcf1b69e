/** When a service asks for patience, and for how long: `Retry-After` (RFC 9110, 10.2.3), seconds or a date. */

/** Codes that ask for it (RFC 9110, RFC 6585); every 5xx but 501 and 505 too. */
const PATIENCE = new Set([408, 421, 423, 425, 429]);
export const isPatience = (status: number): boolean =>
  PATIENCE.has(status) || (status >= 500 && status !== 501 && status !== 505);

/** ms from now, at most an hour; undefined when the header is absent or says nothing. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}
