/** Ranges of offsets and moments as they are typed. */
import { Fault } from '@quadrille/record';

/** `5-9`, `5-` or `5`. @throws Fault USAGE */
export function offsetsOf(given: string | undefined): { from: number; to: number } | undefined {
  if (given === undefined) return undefined;
  const [, first, dash, last] = /^(\d+)(-)?(\d+)?$/.exec(given) ?? [];
  const from = Number(first);
  const to = last !== undefined ? Number(last) : dash === undefined ? from : Number.MAX_SAFE_INTEGER;
  if (first === undefined || to < from)
    throw new Fault('USAGE', `--offsets ${given}`, { help: 'e.g. --offsets 100-199, --offsets 100- or --offsets 100' });
  return { from, to };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment, or how long ago; ms since the epoch. @throws Fault USAGE */
export function timeOf(given: string | undefined, flag: string, now = Date.now()): number | undefined {
  if (given === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(given) ?? [];
  if (amount !== undefined) return now - Number(amount) * UNITS[unit!]!;
  const at = /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(at))
    throw new Fault('USAGE', `${flag} ${given} is no time`, {
      help: `e.g. ${flag} 2h, or ${flag} 2026-01-31T12:00:00Z`,
    });
  return at;
}
