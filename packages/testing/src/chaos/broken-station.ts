/**
 * Any station of a flow, with the commit moved before the settle: what the order in settle.ts is there to prevent.
 * `node broken-station.ts KIND`. A crash between commit and settle now loses records, and the chaos test must see it.
 */
import type { StationKind } from '@quadrille/flow';
import { runStation, type settle as Settle, type SettleOptions, settle } from '@quadrille/station';

type Round = Parameters<typeof Settle>[0];

/** Commits the round's ends, then writes it down and commits again. Extractors commit where the send has put a position: they stay as they are. */
async function commitFirst(round: Round, options: SettleOptions): Promise<boolean> {
  const { intake } = options;
  if (options.positionsTopic === undefined) {
    const ends = round.slices.flatMap((slice) => {
      const ref = intake.previous(slice.partition);
      // The intake is told of nothing settled: it would refuse to commit the same records again.
      const unsettled = Object.create(slice, { to: { value: slice.from } }) as typeof slice;
      return ref === null ? [] : [{ slice: unsettled, offset: slice.to, ref }];
    });
    if (ends.length > 0 && !(await intake.commit(round.epoch, ends))) return false;
  }
  return settle(round, options);
}

await runStation(process.argv[2] as StationKind, { settle: commitFirst });
