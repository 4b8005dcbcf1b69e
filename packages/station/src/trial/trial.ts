/**
 * A flow without servers: records are given to stations, go through the judges that the stations run, from one to the
 * next, and every verdict is kept. What is tried is what runs, but for sources, targets and Kafka itself.
 */
import {
  type AnswerRow,
  type Decoder,
  type Flow,
  inputsOf,
  outputTopicsOf,
  type RawItem,
  type ReadyRule,
  type StationSpec,
} from '@quadrille/flow';
import { type Fault, HEADER, InputRecord, packHeader, versionOf } from '@quadrille/record';
import type { Intake } from '../intake.ts';
import { RawRecord } from '../raw-record.ts';
import { DROP, type Outgoing, PASS, Slice } from '../round.ts';
import { OUTCOMES } from '../settle.ts';
import { judgeOf, type TrialJudge } from './judges.ts';
import { MemorySchemas } from './memory-schemas.ts';

export interface TrialInput {
  /** Of an extractor: fields as its source gives them. Of others: the value, as the codec decodes it. null: deleted. */
  fields: Record<string, unknown> | null;
  /** Absent: what the extractor makes of the fields; of others, the number of the record from 1. */
  id?: string | undefined;
  /** Absent: the number of the record from 1. */
  version?: number | undefined;
  revision?: number | undefined;
}

export interface TrialOutput {
  topic: string;
  id: string;
  /** null: a tombstone. */
  value: Record<string, unknown> | null;
}

export interface TrialVerdict {
  id: string;
  /** `hold`: it would wait for a row of a lookup. */
  verdict: 'pass' | 'drop' | 'reject' | 'hold';
  /** Of a drop. */
  code?: string;
  /** Of a reject. */
  fault?: Fault;
  /** In the order of the rules, whatever topics they went to. */
  outputs: TrialOutput[];
  /** Of a loader: written, unchanged, superseded, conflict. */
  outcome?: string;
}

export interface TrialResult {
  /** By station, in the order in which records came: those given first, then those of other stations. */
  verdicts: ReadonlyMap<string, readonly TrialVerdict[]>;
  /** What stands at the end in the target of each loader; deleted rows are not among them. */
  rows: ReadonlyMap<string, readonly { id: string; value: Record<string, unknown> }[]>;
}

export interface TrialGiven {
  /** By station. */
  stations: ReadonlyMap<string, readonly TrialInput[]>;
  /** Values on reference topics, by topic. */
  lookups: ReadonlyMap<string, readonly TrialInput[]>;
  /** What lookups that are asked answer, by `station.lookup`. */
  asked: ReadonlyMap<string, readonly AnswerRow[]>;
}

/** Times of records are not part of a trial: the same every time. */
const AT = 0;

export class Trial {
  readonly #flow: Flow;
  readonly #schemas: MemorySchemas;
  readonly #order: readonly StationSpec[];
  readonly #rules = new Map<string, readonly ReadyRule[]>();

  constructor(flow: Flow) {
    this.#flow = flow;
    this.#schemas = new MemorySchemas(flow.schemas);
    this.#order = inOrder([...flow.stations.values()]);
  }

  /** Nothing of one run is left for the next. @throws Faults when schemas or rules cannot be used */
  async run(given: TrialGiven): Promise<TrialResult> {
    const topics = new Map<string, InputRecord[]>();
    for (const [topic, inputs] of given.lookups) await this.#put(topics, topic, inputs);
    const verdicts = new Map<string, TrialVerdict[]>();
    const rows = new Map<string, { id: string; value: Record<string, unknown> }[]>();
    for (const spec of this.#order) {
      const own = await this.#inputs(spec, given.stations.get(spec.name) ?? []);
      const records = [...own, ...(spec.kind === 'extractor' ? [] : (topics.get(spec.from) ?? []))];
      if (records.length === 0) continue;
      const made = await judgeOf(this.#flow, spec, this.#schemas, { topics, asked: given.asked }, this.#rules);
      try {
        const judged = await this.#judge(spec, made, renumbered(records, spec));
        verdicts.set(spec.name, judged.verdicts);
        for (const [topic, outputs] of judged.sent) topics.set(topic, [...(topics.get(topic) ?? []), ...outputs]);
        if (made.target !== undefined) rows.set(spec.name, standing(made.target.rows));
      } finally {
        // Rules of transformers serve the next run.
        if (spec.kind !== 'transformer') await made.judge.close();
      }
    }
    return { verdicts, rows };
  }

  async close(): Promise<void> {
    for (const rules of this.#rules.values()) for (const rule of rules) await rule.close();
    this.#rules.clear();
  }

  async #judge(
    spec: StationSpec,
    { judge }: TrialJudge,
    records: readonly InputRecord[],
  ): Promise<{ verdicts: TrialVerdict[]; sent: Map<string, InputRecord[]> }> {
    const ids = records.map((record) => ('item' in record ? '' : record.id));
    const slices = records.map((record) => new Slice(record.topic, 0, record.offset, [record], false));
    const held = new Set<Slice>();
    const intake = { giveBack: (_epoch: number, slice: Slice) => void held.add(slice) } as unknown as Intake;
    // Each record is a slice of its own: one that waits holds no other. Rows go to a target one after the other.
    const rounds = spec.kind === 'loader' ? slices.map((slice) => [slice]) : [slices];
    for (const round of rounds)
      await judge.judge({ epoch: 0, slices: round, records: round.length, startedAt: 0 }, intake);
    const verdicts: TrialVerdict[] = [];
    const sent = new Map<string, InputRecord[]>();
    for (const [at, slice] of slices.entries()) {
      const made: { index: number; output: TrialOutput }[] = [];
      for (const [topic, list] of slice.outputs) {
        const decoder = this.#schemas.decoder(await this.#schemas.of(topic));
        const received = list.map((output) => recordOf(topic, output));
        for (const record of received) {
          const output = { topic, id: record.id, value: await decoded(decoder, record.bytes) };
          made.push({ index: record.envelope().from?.index ?? 0, output });
        }
        sent.set(topic, [...(sent.get(topic) ?? []), ...received]);
      }
      const outputs = made.sort((a, b) => a.index - b.index).map(({ output }) => output);
      const id = ids[at] || (outputs[0]?.id ?? '');
      verdicts.push(held.has(slice) ? { id, verdict: 'hold', outputs: [] } : { id, ...verdictOf(slice), outputs });
    }
    return { verdicts, sent };
  }

  async #inputs(spec: StationSpec, inputs: readonly TrialInput[]): Promise<InputRecord[]> {
    if (spec.kind !== 'extractor') return this.#records(spec.from, inputs);
    return inputs.map(({ fields, id, version }, at) => {
      const place = `item ${at + 1}`;
      const own = { ...(id !== undefined && { id }), version: version ?? at + 1, deleted: fields === null };
      return new RawRecord(spec.to, 0, at, AT, { fields: fields ?? {}, place, ...own } as RawItem);
    });
  }

  async #put(topics: Map<string, InputRecord[]>, topic: string, inputs: readonly TrialInput[]): Promise<void> {
    topics.set(topic, [...(topics.get(topic) ?? []), ...(await this.#records(topic, inputs))]);
  }

  /** @throws Fault ENCODE_FAILED when a value does not fit the topic's schema */
  async #records(topic: string, inputs: readonly TrialInput[]): Promise<InputRecord[]> {
    const encoder = this.#schemas.encoder(await this.#schemas.of(topic));
    return inputs.map(({ fields, id, version, revision = 0 }, at) => {
      const who = id ?? String(at + 1);
      const envelope = {
        id: who,
        version: versionOf(version ?? at + 1, 0),
        revision,
        extractedAt: AT,
        from: undefined,
      };
      const bytes = fields === null ? null : encoder.encode(fields);
      return new InputRecord(topic, 0, at, AT, Buffer.from(who), bytes, packHeader(envelope, true), undefined);
    });
  }
}

/** Records of one topic get offsets in the order in which they come, whoever sent them. */
function renumbered(records: readonly InputRecord[], spec: StationSpec): InputRecord[] {
  if (spec.kind === 'extractor') return [...records];
  return records.map(
    ({ topic, timestamp, key, bytes, header, headers }, at) =>
      new InputRecord(topic, 0, at, timestamp, key, bytes, header, headers),
  );
}

const recordOf = (topic: string, { key, value, headers, timestamp }: Outgoing): InputRecord =>
  new InputRecord(topic, 0, 0, Number(timestamp), key, value, headers[HEADER] as Buffer | undefined, undefined);

async function decoded(decoder: Decoder, bytes: Buffer | null): Promise<Record<string, unknown> | null> {
  if (bytes === null) return null;
  await decoder.prepare(bytes.readUInt32BE(1));
  return decoder.decode(bytes);
}

function verdictOf(slice: Slice): Pick<TrialVerdict, 'verdict' | 'code' | 'fault' | 'outcome'> {
  const verdict = slice.verdicts[0];
  const reason = slice.reasons.get(0);
  if (verdict === PASS) {
    const outcome = slice.outcomes === null ? undefined : OUTCOMES[slice.outcomes[0]!];
    return { verdict: 'pass', ...(outcome !== undefined && { outcome }) };
  }
  if (verdict === DROP) return { verdict: 'drop', code: reason as string };
  return { verdict: 'reject', fault: reason as Fault };
}

const standing = (
  rows: ReadonlyMap<string, { id: string; value: Record<string, unknown> | null }>,
): { id: string; value: Record<string, unknown> }[] =>
  [...rows.values()].flatMap(({ id, value }) => (value === null ? [] : [{ id, value }]));

/** Stations behind all that write what they read; in the order of the flow file where nothing else decides. */
function inOrder(stations: readonly StationSpec[]): StationSpec[] {
  const order: StationSpec[] = [];
  const visit = (station: StationSpec): void => {
    if (order.includes(station)) return;
    for (const topic of inputsOf(station))
      for (const writer of stations) if (outputTopicsOf(writer).includes(topic)) visit(writer);
    order.push(station);
  };
  for (const station of stations) visit(station);
  return order;
}
