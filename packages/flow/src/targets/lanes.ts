/** Rows sent side by side, in the order of each id: every id has its lane, and a lane sends one thing at a time. */
import { murmur2 } from '@quadrille/record';
import type { TargetRow } from '../target.ts';

/** Indexes of the rows by lane, in order; empty lanes are left out. @param of what keeps its order; the id, as a rule. */
export function lanesOf(
  rows: readonly TargetRow[],
  count: number,
  of = (row: TargetRow): string => row.id,
): number[][] {
  const lanes: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i < rows.length; i++) {
    const lane = count === 1 ? 0 : (murmur2(Buffer.from(of(rows[i] as TargetRow))) >>> 0) % count;
    (lanes[lane] as number[]).push(i);
  }
  return lanes.filter((lane) => lane.length > 0);
}

/**
 * Runs all at once. When one fails the others stop before their next step, and are waited for.
 * @param step does the next piece of a lane; false when there is none left.
 * @throws what the first failure was.
 */
export async function runLanes<L>(lanes: readonly L[], step: (lane: L) => Promise<boolean>): Promise<void> {
  let failed: { error: unknown } | undefined;
  await Promise.all(
    lanes.map(async (lane) => {
      try {
        while (failed === undefined && (await step(lane)));
      } catch (error) {
        failed ??= { error };
      }
    }),
  );
  if (failed !== undefined) throw failed.error;
}
