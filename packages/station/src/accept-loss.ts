/** Writes off offsets that are gone, when an operator has accepted it: an `expired` part, then the commit behind it. */
import type { Station } from './connect.ts';
import { TopicIntake } from './topic-intake.ts';

/** Takes effect for the partitions this instance owns; each instance of the station does its own. */
export async function acceptLosses(station: Station, by: string): Promise<void> {
  const { chains, intake, settleOptions, log, flow, spec } = station;
  if (spec.kind === 'extractor' || !(intake instanceof TopicIntake)) return;
  const lost = (await chains.load(spec.from, intake.owned())).filter((start) => start.lost !== undefined);
  for (const { partition, lost: gone } of lost) {
    const { from, to, prev } = gone!;
    const { epoch } = intake;
    const entry = {
      flow: flow.name,
      station: spec.name,
      instance: `${settleOptions.instance} for ${by}`,
      at: Date.now(),
      parts: [
        {
          kind: 'expired' as const,
          topic: spec.from,
          partition,
          from,
          to,
          commit: to,
          pass: 0,
          drop: 0,
          reject: 0,
          outputs: 0,
          runs: [],
          claims: [],
          outcomes: null,
          prev,
        },
      ],
    };
    const written = await settleOptions.writeLedger(entry);
    await intake.accept(epoch, partition, to, { ...written, part: 0 });
    log.warn({ partition, from, to, by }, 'loss accepted');
  }
}
