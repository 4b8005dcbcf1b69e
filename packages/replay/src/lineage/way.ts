/** Follows records through the stations of a flow by what the ledger says: verdicts, and what was made of them. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { inputsOf, outputTopicsOf } from '@quadrille/flow';
import type { RecordVerdict } from '@quadrille/record';
import type { Placed, TraceStep } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { type Sent, stepOf } from './decided.ts';
import { lettersAt, readersOf } from './downstream.ts';
import { outputsOf } from './outputs.ts';
import { livePartsAt, verdictIn } from './parts.ts';
import { placeText, recordsAt, type Seen } from './seen.ts';

type Reading = Pick<Ground, 'database' | 'kafka' | 'admin'>;

interface Node {
  seen: Seen;
  /** Stations that it is to be looked up at. */
  readers: readonly StationSpec[];
  /** Told by a step `replay`. */
  sent: Sent | undefined;
  /** One of those it was made from: what else was made of it is not asked for. */
  before: boolean;
}

/** A step with where it belongs among steps of one time: along the flow, a record before its verdict. */
export interface Ranked {
  step: TraceStep;
  rank: number;
}

export class Way {
  readonly #ground: Reading;
  readonly #flow: Flow;
  readonly #nodes = new Map<string, Node>();
  readonly #verdicts: Ranked[] = [];
  readonly #depths: ReadonlyMap<string, number>;
  #fresh: Node[] = [];

  constructor(ground: Reading, flow: Flow) {
    this.#ground = ground;
    this.#flow = flow;
    this.#depths = depthsOf(flow);
  }

  /** Ids of the records found so far, those that they were made from left out. */
  get ids(): Set<string> {
    return new Set([...this.#nodes.values()].filter(({ before }) => !before).map(({ seen }) => seen.id));
  }

  /** Ids that have got to an input topic. */
  idsIn(topic: string): Set<string> {
    const there = [...this.#nodes.values()].filter(
      ({ seen, sent }) => (sent === undefined ? seen.place.topic : this.#inputOf(sent.station)) === topic,
    );
    return new Set(there.filter(({ before }) => !before).map(({ seen }) => seen.id));
  }

  addRecords(records: readonly Seen[]): void {
    for (const seen of records)
      this.#add({ seen, readers: this.#readers(seen.place.topic), sent: undefined, before: false });
  }

  addSent(all: readonly Sent[]): void {
    for (const sent of all) {
      const { station, destination: topic, partition, offset, recordId, revision, from } = sent;
      const spec = this.#flow.stations.get(station);
      if (spec === undefined) continue;
      const version = BigInt(sent.version ?? this.#nodes.get(placeText(from))?.seen.version ?? 0);
      const seen = { place: { topic, partition, offset }, id: recordId, version, revision, from, at: 0 };
      this.#add({ seen, readers: [spec], sent, before: false });
    }
  }

  #add(node: Node): void {
    const key = placeText(node.seen.place);
    if (this.#nodes.has(key)) return;
    this.#nodes.set(key, node);
    this.#fresh.push(node);
  }

  /** Adds what the records were made from, up to where the flow begins. */
  async climb(): Promise<void> {
    for (let below = [...this.#nodes.values()]; below.length > 0; ) {
      const wanted = new Map<string, { place: Placed; makers: Set<StationSpec> }>();
      for (const { seen, readers, sent } of below) {
        const { from, place } = seen;
        if (from === null || !this.#depths.has(from.topic) || this.#nodes.has(placeText(from))) continue;
        const origin = wanted.get(placeText(from)) ?? { place: from, makers: new Set() };
        wanted.set(placeText(from), origin);
        for (const spec of sent !== undefined ? readers : this.#readers(from.topic))
          if (sent !== undefined || outputTopicsOf(spec).includes(place.topic)) origin.makers.add(spec);
      }
      const origins = await recordsAt(
        this.#ground,
        [...wanted.values()].map(({ place }) => place),
      );
      below = origins.map((seen) => ({
        seen,
        readers: [...wanted.get(placeText(seen.place))!.makers],
        sent: undefined,
        before: true,
      }));
      for (const node of below) this.#add(node);
    }
  }

  /** Places in replay topics from which something was made, and of which nothing else is known yet. */
  get unknownSent(): Placed[] {
    return [...this.#nodes.values()].flatMap(({ seen: { from } }) =>
      from !== null && !this.#depths.has(from.topic) && !this.#nodes.has(placeText(from)) ? [from] : [],
    );
  }

  /** Looks up the verdicts on what was added, and follows what was made of it to the end of the flow. */
  async descend(): Promise<void> {
    while (this.#fresh.length > 0) {
      const fresh = this.#fresh;
      this.#fresh = [];
      const byStation = new Map<StationSpec, Node[]>();
      for (const node of fresh)
        for (const spec of node.readers) byStation.set(spec, [...(byStation.get(spec) ?? []), node]);
      for (const [spec, nodes] of byStation) await this.#visit(spec, nodes);
    }
  }

  async #visit(spec: StationSpec, nodes: readonly Node[]): Promise<void> {
    const { name: flow } = this.#flow;
    const places = nodes.map(({ seen }) => seen.place);
    const parts = await livePartsAt(this.#ground.database, flow, spec.name, places);
    const verdicts = places.map(({ offset }, i) => verdictIn(flow, spec.name, parts[i], offset));
    const letterAt = await lettersAt(this.#ground, verdicts);
    const children = Map.groupBy(this.#nodes.values(), ({ seen }) => (seen.from === null ? '' : placeText(seen.from)));
    const toRead: { place: Placed; at: number }[] = [];
    nodes.forEach((node, i) => {
      const verdict = verdicts[i]!;
      const at = parts[i]?.at;
      this.#verdicts.push(this.#verdictStep(spec, node, verdict, at, letterAt));
      const own = (children.get(placeText(node.seen.place)) ?? []).filter(
        ({ sent, seen }) => sent === undefined && outputTopicsOf(spec).includes(seen.place.topic),
      );
      if (at !== undefined) for (const child of own) child.seen.at = at;
      // An output alone keeps the id; several are numbered.
      const known = own.some(({ seen }) => seen.id === node.seen.id) && node.sent?.former !== true;
      const makes = verdict.verdict === 'pass' || (verdict.verdict === 'drop' && node.sent?.former === true);
      if (at !== undefined && makes && !known && !node.before && spec.kind !== 'loader')
        toRead.push({ place: node.seen.place, at });
    });
    if (toRead.length === 0) return;
    const made = await outputsOf(
      this.#ground,
      flow,
      spec.name,
      toRead.map(({ place }) => place),
    );
    made.forEach(({ outputs }, i) => {
      const { place: from, at } = toRead[i]!;
      this.addRecords(
        outputs.map(({ topic, partition, offset, id, version, revision }) => ({
          place: { topic, partition, offset },
          id,
          version,
          revision,
          from,
          at,
        })),
      );
    });
  }

  #verdictStep(
    spec: StationSpec,
    { seen, sent }: Node,
    verdict: RecordVerdict,
    at: number | undefined,
    letterAt: (place: Placed) => string | undefined,
  ): Ranked {
    const step = stepOf({
      kind: 'verdict',
      recordId: seen.id,
      at: at === undefined ? null : new Date(at).toISOString(),
      place: seen.place,
      from: seen.from,
      version: String(seen.version),
      revision: seen.revision,
      station: spec.name,
      verdict: verdict.verdict === 'none' ? verdict.why : verdict.verdict,
      replay: sent?.replay ?? null,
    });
    if (verdict.verdict === 'drop' || verdict.verdict === 'reject') step.code = verdict.code;
    if (verdict.verdict === 'pass' && spec.kind === 'loader') step.outcome = verdict.outcome;
    if (verdict.verdict === 'reject' && verdict.deadLetter !== null)
      step.deadLetter = letterAt(verdict.deadLetter) ?? null;
    return { step, rank: this.#rankOf(spec) };
  }

  steps(): Ranked[] {
    const records = [...this.#nodes.values()]
      .filter(({ sent }) => sent === undefined)
      .map(({ seen: { id, at, place, from, version, revision } }) => ({
        step: stepOf({
          kind: 'record',
          recordId: id,
          at: new Date(at).toISOString(),
          place,
          from,
          version: String(version),
          revision,
        }),
        rank: 2 * (this.#depths.get(place.topic) ?? 0),
      }));
    return [...records, ...this.#verdicts];
  }

  #rankOf(spec: StationSpec): number {
    return 2 * (this.#depths.get(inputsOf(spec)[0] ?? '') ?? -1) + 1;
  }

  #readers(topic: string): StationSpec[] {
    return readersOf(this.#flow, topic);
  }

  #inputOf(station: string): string | undefined {
    return inputsOf(this.#flow.stations.get(station)!)[0];
  }
}

/** Data topics on the way from extractors, or from outside, to the loaders; with how many stations lie before each. */
export function depthsOf(flow: Flow): Map<string, number> {
  const depths = new Map<string, number>();
  const stations = [...flow.stations.values()];
  for (const spec of stations) {
    const [input] = inputsOf(spec);
    if (input !== undefined) depths.set(input, 0);
    for (const output of outputTopicsOf(spec)) depths.set(output, 0);
  }
  // As many rounds as there are stations: a longer way would be a circle.
  for (let round = 0; round < stations.length; round++)
    for (const spec of stations) {
      const [input] = inputsOf(spec);
      if (input === undefined) continue;
      for (const output of outputTopicsOf(spec))
        depths.set(output, Math.min(stations.length, Math.max(depths.get(output)!, depths.get(input)! + 1)));
    }
  return depths;
}
