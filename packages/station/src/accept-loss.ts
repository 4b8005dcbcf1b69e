/** Writes off offsets that are gone, when an operator has accepted it: an `expired` part, then the commit behind it. */
import { positionsTopic, workless } from '@quadrille/record';
import type { Station } from './connect.ts';

/** Takes effect for the partitions this instance owns; each instance of the station does its own. */
export async function acceptLosses(station: Station, by: string): Promise<void> {
  const { chains, intake, settleOptions, log, flow, spec } = station;
  // An extractor reads its source again, so all it can lose is its position in the positions topic.
  const extracts = spec.kind === 'extractor';
  const topic = extracts ? positionsTopic(flow.name, spec.name) : spec.from;
  const lost = (await chains.load(topic, intake.owned(), extracts)).filter((start) => start.lost !== undefined);
  for (const { partition, offset, lost: gone } of lost) {
    const { from, to, prev } = gone!;
    const commit = extracts ? offset : to;
    const { epoch } = intake;
    const entry = {
      flow: flow.name,
      station: spec.name,
      instance: `${settleOptions.instance} for ${by}`,
      at: Date.now(),
      parts: [workless({ kind: 'expired', topic, partition, from, to, commit, prev })],
    };
    const written = await settleOptions.writeLedger(entry);
    await intake.accept(epoch, { partition, offset: commit, from: to, ref: { ...written, part: 0 } });
    log.warn({ partition, from, to, by }, 'loss accepted');
  }
  station.health.unstuck();
}
