/**
 * Source versions are signed 64-bit integers with a priority in the upper bits, so that one comparison decides which
 * of two records with one id is newer, also when several sources share ids.
 */
import { Fault } from './fault.ts';

const BASE = 1n << 53n;
export const MAX_PRIORITY = 1023;

/**
 * @param source a non-negative safe integer: row number, updated-at in microseconds, LSN.
 * @param priority 0 to 1023; a higher one wins over any source version of a lower one.
 * @throws Fault VERSION_INVALID
 */
export function versionOf(source: number, priority = 0): bigint {
  if (!Number.isSafeInteger(source) || source < 0) {
    throw new Fault('VERSION_INVALID', `${source} is not an integer between 0 and 2^53-1`);
  }
  return BigInt(priority) * BASE + BigInt(source);
}

/** The two parts that `versionOf` put together. */
export function versionParts(version: bigint): { priority: number; source: number } {
  return { priority: Number(version / BASE), source: Number(version % BASE) };
}
