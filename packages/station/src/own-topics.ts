/** The engine's own topics: their schemas, settings, and how their values are encoded (Confluent wire format, Avro). */
import { readFileSync } from 'node:fs';
import {
  CONTROL_TOPIC,
  DECISIONS_TOPIC,
  Fault,
  LEDGER_TOPIC,
  type LedgerEntry,
  type OutcomeRun,
  PREVIEW_TOPIC,
} from '@quadrille/record';
import avsc from 'avsc';
import type { TopicSpec } from './kafka/admin.ts';

export interface ControlEvent {
  kind: 'pause' | 'resume' | 'snapshot' | 'again';
  flow: string;
  station: string;
  /** ms since the epoch. */
  at: number;
  by: string;
  code: string;
  reason: string;
  acceptLoss: boolean;
  pass: string;
  topic: string;
  partition: number;
  of: number;
  count: number;
  ends: { partition: number; offset: number }[];
}

export interface ShardState {
  shard: string;
  pass: string;
  base: number;
  row: number;
  done: boolean;
  position: string;
  at: number;
}

/** What an operator has decided; see schemas/quadrille.decision.avsc. The compaction key is `kind/id`. */
export interface Decision {
  kind: string;
  id: string;
  at: number;
  by: string;
  reason: string;
  /** JSON, by kind. */
  body: string;
  bytes: Buffer | null;
}

/** A station's word on one record of a dry run. */
export interface Preview {
  replay: string;
  flow: string;
  station: string;
  /** Place in the station's replay topic. */
  partition: number;
  offset: number;
  at: number;
  verdict: 'pass' | 'drop' | 'reject';
  code: string | null;
  message: string | null;
  field: string | null;
  outcome: string | null;
  outputs: { topic: string; key: Buffer | null; value: Buffer | null }[];
}

/** What a station keeps of its records; see schemas/quadrille.state.avsc. */
export interface StateEntry {
  offset: number;
  body: string;
}

/** A value of one of our own topics. `id` is the schema's in the registry, needed to write. */
export class OwnCodec<T> {
  /** The registry's subject. */
  readonly subject: string;
  readonly text: string;
  private readonly type: avsc.Type;
  /** Without the fields that were added at the end later (`since`), undefined when there are none. */
  private readonly former: avsc.Type | undefined;
  id: number | undefined;

  constructor(name: 'ledger' | 'control' | 'position' | 'decision' | 'preview' | 'state') {
    this.text = readFileSync(new URL(`../../../schemas/quadrille.${name}.avsc`, import.meta.url), 'utf8');
    const schema = JSON.parse(this.text) as { fields: { since?: number }[] };
    this.type = avsc.Type.forSchema(schema as never, { wrapUnions: 'never' });
    const fields = schema.fields.filter(({ since }) => since === undefined);
    if (fields.length < schema.fields.length)
      this.former = avsc.Type.forSchema({ ...schema, fields } as never, { wrapUnions: 'never' });
    this.subject = `quadrille.${name}-value`;
  }

  encode(value: T): Buffer {
    if (this.id === undefined) throw new Fault('SCHEMA_UNKNOWN', `${this.subject} has no id yet`);
    const body = this.type.toBuffer(value);
    const out = Buffer.allocUnsafe(body.length + 5);
    out[0] = 0;
    out.writeInt32BE(this.id, 1);
    body.copy(out, 5);
    return out;
  }

  /** @throws Fault DECODE_FAILED: an entry of another version or another tool. */
  decode(bytes: Buffer | null, place: string): T {
    try {
      if (bytes === null || bytes[0] !== 0) throw new Error('no magic byte');
      // What an earlier version wrote ends where the later fields begin.
      const short = this.former?.decode(bytes, 5) as { value: object; offset: number } | undefined;
      if (short?.offset === bytes.length) return this.type.clone(short.value) as T;
      return this.type.fromBuffer(bytes.subarray(5)) as T;
    } catch (error) {
      throw new Fault('DECODE_FAILED', error instanceof Error ? error.message : String(error), { place });
    }
  }
}

/** Outcome runs stand at the entry's end, beside the parts they belong to, since earlier entries have none. */
class LedgerCodec extends OwnCodec<LedgerEntry> {
  override encode(entry: LedgerEntry): Buffer {
    const outcomeRuns = entry.parts.flatMap((part, index) => part.outcomeRuns.map((run) => ({ part: index, ...run })));
    return super.encode({ ...entry, outcomeRuns } as LedgerEntry);
  }

  override decode(bytes: Buffer | null, place: string): LedgerEntry {
    const { outcomeRuns, ...entry } = super.decode(bytes, place) as LedgerEntry & {
      outcomeRuns: (OutcomeRun & { part: number })[];
    };
    for (const part of entry.parts) part.outcomeRuns = [];
    for (const { part, outcome, offset, last } of outcomeRuns)
      entry.parts[part]?.outcomeRuns.push({ outcome, offset, last });
    return entry;
  }
}

export const ledgerCodec = new LedgerCodec('ledger');
export const controlCodec = new OwnCodec<ControlEvent>('control');
export const positionCodec = new OwnCodec<ShardState>('position');
export const decisionCodec = new OwnCodec<Decision>('decision');
export const previewCodec = new OwnCodec<Preview>('preview');
export const stateCodec = new OwnCodec<StateEntry>('state');
export const OWN_CODECS: readonly OwnCodec<never>[] = [
  ledgerCodec,
  controlCodec,
  positionCodec,
  decisionCodec,
  previewCodec,
  stateCodec,
] as never;

export const LEDGER_PARTITIONS = 4;
export const POSITION_PARTITIONS = 4;
/** Never expire: they are the proof. */
export const FOREVER = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };
export const OWN_TOPICS: readonly TopicSpec[] = [
  { topic: LEDGER_TOPIC, partitions: LEDGER_PARTITIONS, config: { ...FOREVER, 'max.message.bytes': '8388608' } },
  { topic: CONTROL_TOPIC, partitions: 1, config: { 'cleanup.policy': 'compact' } },
  // One partition: decisions are applied in the order in which they were taken.
  { topic: DECISIONS_TOPIC, partitions: 1, config: { 'cleanup.policy': 'compact', 'max.message.bytes': '8388608' } },
  {
    topic: PREVIEW_TOPIC,
    partitions: 4,
    config: { 'cleanup.policy': 'delete', 'retention.ms': '86400000', 'max.message.bytes': '8388608' },
  },
];
