/** Takes a picture of a world as the command line does, folds it, and reads what must be read. */
import { stationGroup } from '../../names.ts';
import { inputTopic } from '../classify.ts';
import type { Origin } from '../contents.ts';
import { foldLedger, type LedgerFold } from '../fold.ts';
import type { CommittedOffset, Watermark } from '../reconciliation.ts';
import { FLOW, TOPICS } from './flow.ts';
import type { ModelRecord, World } from './world.ts';

export interface Observation {
  fold: LedgerFold;
  /** What the fold said of each record that it asked for. */
  read: Map<ModelRecord, Origin | 'claimed' | undefined>;
}

/** The topics from the end of the flow to its beginning: the order in which watermarks are to be asked for. */
const FROM_THE_END = ['dlq.raw', 'dlq.odd', 'dlq.good', 'good', 'odd', 'raw'];

/** Reads all that is there, also what is claimed. */
export function audit(world: World, { fold }: Observation): void {
  for (const log of [...world.logs.values()].flat()) {
    for (const record of log.records.slice(log.low)) {
      if (!record.gone) fold.read(log.topic, log.partition, record.offset, record.origin);
    }
  }
}

/** @param between lets the world go on while the picture is being taken; nothing happens when it is left out. */
export function observe(world: World, between: () => void = () => {}): Observation {
  const ledgerEnds = new Map([[0, world.ledger.length]]);
  between();
  const committed: CommittedOffset[] = world.shape.stations.flatMap((station) =>
    [...world.group(station.name).commits].map(([partition, { offset, metadata }]) => ({
      group: stationGroup(FLOW, station.name),
      topic: inputTopic(FLOW, station),
      partition,
      offset,
      metadata,
    })),
  );
  between();
  const entries = world.ledger.flatMap((written, offset) =>
    written === undefined ? [] : [{ partition: 0, offset, entry: written.entry }],
  );
  const watermarks: Watermark[] = [];
  for (const topic of FROM_THE_END) {
    between();
    for (let partition = 0; partition < (TOPICS[topic] as number); partition++) {
      const { low, records } = world.log(topic, partition);
      watermarks.push({ topic, partition, low, high: records.length });
    }
  }
  between();
  const fold = foldLedger({ shape: world.shape, entries, ledgerEnds, committed, watermarks, sparse: world.sparse });
  const read = new Map<ModelRecord, Origin | 'claimed' | undefined>();
  for (const { topic, partition, from, to } of fold.unclaimed) {
    for (const record of world.log(topic, partition).records.slice(from, to)) {
      if (!record.gone) read.set(record, fold.read(topic, partition, record.offset, record.origin));
    }
  }
  return { fold, read };
}
