/**
 * Judges replayed records with the station's own judge. What is different: lookups are brought up to their topics' ends
 * first; a dry run is judged like any other, but reported instead of settled; outputs that stood before and are not made
 * again get tombstones.
 */
import {
  Fault,
  FORMER_HEADER,
  HEADER,
  type InputRecord,
  originOffset,
  PREVIEW_TOPIC,
  PREVIEWED,
  packHeader,
  unpackFormer,
  unpackHeader,
} from '@quadrille/record';
import type { Intake } from './intake.ts';
import type { Judge } from './judge.ts';
import { type Preview, previewCodec } from './own-topics.ts';
import { DROP, type Outgoing, PASS, REJECT, type Round, Slice } from './round.ts';
import { OUTCOMES } from './settle.ts';
import type { Turns } from './turns.ts';

export interface ReplayJudgeOptions {
  flow: string;
  station: string;
  judge: Judge;
  turns: Turns;
  previewPartitions: number;
  /** Brings what the judge looks up to its present end. @throws Fault of class `dependency` */
  refresh(): Promise<void>;
}

/** Some records of a slice, judged apart from the others. `at`: their indexes in the slice. */
interface Part {
  whole: Slice;
  slice: Slice;
  at: number[];
}

export class ReplayJudge implements Judge {
  private readonly options: ReplayJudgeOptions;
  constructor(options: ReplayJudgeOptions) {
    this.options = options;
  }

  /** The station's first loop opens the judge, and closes it. */
  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async judge(round: Round, intake: Intake): Promise<void> {
    await this.options.refresh();
    const dry: Part[] = [];
    const real: Part[] = [];
    for (const slice of round.slices) {
      real.push(partOf(slice, (record) => !isPreview(record)));
      dry.push(partOf(slice, isPreview));
    }
    await this.judgeParts(round, real, intake, false);
    await this.judgeParts(round, dry, intake, true);
    for (const { whole, slice } of [...real, ...dry])
      if (slice.outcomes !== null) whole.outcomes ??= new Uint8Array(whole.records.length);
    for (const part of real) this.takeOver(part);
    for (const part of dry) this.report(part);
    giveBackWhatWaits(round, real, intake);
  }

  private async judgeParts(round: Round, parts: Part[], intake: Intake, dryRun: boolean): Promise<void> {
    const slices = parts.map(({ slice }) => slice).filter(({ records }) => records.length > 0);
    if (slices.length === 0) return;
    const records = slices.reduce((sum, slice) => sum + slice.records.length, 0);
    // What must wait is cut off the part; giveBackWhatWaits does the same to the whole.
    const cutOnly = Object.create(intake, { giveBack: { value: () => {} } }) as Intake;
    await this.options.turns.take(() => this.options.judge.judge({ ...round, slices, records }, cutOnly, dryRun));
  }

  /** Verdicts and outputs of judged records into the slice they belong to. */
  private takeOver({ whole, slice, at }: Part): void {
    for (const [topic, outputs] of slice.outputs) for (const output of outputs) whole.emit(topic, output);
    const made = byOrigin(slice);
    for (let i = 0; i < slice.records.length; i++) {
      const index = at[i]!;
      const verdict = slice.verdicts[i];
      const reason = slice.reasons.get(i);
      if (verdict === REJECT) whole.reject(index, reason as Fault);
      else if (verdict === DROP) whole.drop(index, reason as string);
      else whole.pass(index);
      if (slice.outcomes !== null) whole.outcomes![index] = slice.outcomes[i]!;
      const record = slice.records[i]!;
      if (verdict !== REJECT && record.headers?.[FORMER_HEADER] !== undefined) this.bury(whole, index, record, made);
    }
  }

  /** Tombstones for outputs that this record has led to before, and does not lead to any more. */
  private bury(whole: Slice, index: number, record: InputRecord, judged: ReadonlyMap<number, Made[]>): void {
    try {
      const former = unpackFormer(record.headers![FORMER_HEADER]!.toString());
      const made = new Set<string>();
      for (const { topic, output } of judged.get(record.offset) ?? [])
        made.add(`${topic} ${unpackHeader(output.headers[HEADER] as Buffer, output.key).id}`);
      let next = made.size;
      const { version, revision, extractedAt } = record.envelope();
      const { topic, partition, offset } = record;
      for (const each of former) {
        if (made.has(`${each.topic} ${each.id}`)) continue;
        const from = { topic, partition, offset, index: next++ };
        const envelope = { id: each.id, version, revision, extractedAt, from };
        whole.emit(each.topic, {
          key: each.key,
          value: null,
          headers: { [HEADER]: packHeader(envelope, each.key?.toString('utf8') === each.id) },
          partition: each.partition,
          timestamp: String(record.timestamp),
        });
      }
    } catch (error) {
      whole.reject(index, error as Fault);
    }
  }

  /** A dry run becomes a drop in the ledger, and a word on what would have been in the topic of previews. */
  private report({ whole, slice, at }: Part): void {
    const { flow, station, previewPartitions } = this.options;
    const made = byOrigin(slice);
    for (let i = 0; i < slice.records.length; i++) {
      const record = slice.records[i]!;
      const { topic, partition, offset } = record;
      const envelope = record.envelope();
      const reason = slice.reasons.get(i);
      const fault = reason instanceof Fault ? reason : undefined;
      const passed = slice.verdicts[i] === PASS;
      const outputs = (made.get(offset) ?? []).map(({ topic, output: { key, value } }) => ({ topic, key, value }));
      const preview: Preview = {
        replay: envelope.replay ?? '',
        flow,
        station,
        partition,
        offset,
        at: Date.now(),
        verdict: passed ? 'pass' : slice.verdicts[i] === DROP ? 'drop' : 'reject',
        code: fault?.code ?? (typeof reason === 'string' ? reason : null),
        message: fault?.message ?? null,
        field: fault?.field ?? null,
        outcome: passed && slice.outcomes !== null ? OUTCOMES[slice.outcomes[i]!]! : null,
        outputs,
      };
      const from = { topic, partition, offset, index: 0 };
      whole.emit(PREVIEW_TOPIC, {
        key: Buffer.from(preview.replay),
        value: previewCodec.encode(preview),
        headers: { [HEADER]: packHeader({ ...envelope, from, id: envelope.id }, false) },
        partition: partition % previewPartitions,
        timestamp: String(preview.at),
      });
      whole.drop(at[i]!, PREVIEWED);
    }
  }
}

const isPreview = (record: InputRecord): boolean => {
  try {
    return record.envelope().preview === true;
  } catch {
    return false;
  }
};

function partOf(whole: Slice, belongs: (record: InputRecord) => boolean): Part {
  const at: number[] = [];
  for (let i = 0; i < whole.records.length; i++) if (belongs(whole.records[i]!)) at.push(i);
  const records = at.map((index) => whole.records[index]!);
  const slice = new Slice(whole.topic, whole.partition, whole.from, records, false);
  // Verdicts that stand before judging: RECORD_CRASHED.
  for (let i = 0; i < at.length; i++)
    if (whole.verdicts[at[i]!] === REJECT) slice.reject(i, whole.reasons.get(at[i]!) as Fault);
  return { whole, slice, at };
}

interface Made {
  topic: string;
  output: Outgoing;
}

/** Outputs by the offset of the record they were made of. */
function byOrigin(slice: Slice): Map<number, Made[]> {
  const made = new Map<number, Made[]>();
  for (const [topic, outputs] of slice.outputs) {
    for (const output of outputs) {
      const offset = originOffset(output.headers[HEADER] as Buffer);
      const before = made.get(offset);
      if (before === undefined) made.set(offset, [{ topic, output }]);
      else before.push({ topic, output });
    }
  }
  return made;
}

/** A record that must wait goes back with all that follow it in its partition, judged or not. */
function giveBackWhatWaits(round: Round, parts: readonly Part[], intake: Intake): void {
  for (const { whole, slice, at } of parts) {
    if (slice.records.length === at.length) continue;
    const rest = whole.cut(at[slice.records.length]!);
    intake.giveBack(round.epoch, whole, rest, performance.now() + WAIT_MS);
  }
}
const WAIT_MS = 1_000;
