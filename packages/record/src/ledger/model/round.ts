/** What a round takes, what it sends, and the parts it writes down. Nothing here is a step: it all happens in memory. */
import { positionsTopic, stationGroup } from '../../names.ts';
import { inputTopic, type RecordOrigin } from '../classify.ts';
import type { Claim, LedgerPart, LedgerRef, VerdictRun } from '../entry.ts';
import { getOrMake } from '../partition-map.ts';
import type { StationShape } from '../reconciliation.ts';
import { FLOW, judge } from './flow.ts';
import type { Attempt, Log, ModelRecord, World } from './world.ts';

const isDeadLetter = (topic: string): boolean => topic.startsWith('dlq.');

/** Judges what is ready from `from` on; undefined when nothing is. */
export function take(
  world: World,
  station: StationShape,
  partition: number,
  from: number,
  version: number,
  before: Attempt | null,
): Attempt | undefined {
  const most = 1 + world.rng.int(6);
  const offsets =
    station.from === undefined
      ? items(world, station, partition, from, most)
      : ready(world.log(station.from, partition), from, most);
  if (offsets.length === 0) return undefined;
  const to = (offsets.at(-1) as number) + 1;
  const attempt = newAttempt({
    station: station.name,
    topic: inputTopic(FLOW, station),
    partition,
    kind: 'work',
    from,
    to,
    commit: to,
    before,
  });
  for (const offset of offsets) attempt.verdicts.set(offset, judge(station, partition, offset, version));
  return attempt;
}

export const newAttempt = (of: Omit<Attempt, 'verdicts' | 'counted'>): Attempt => ({
  ...of,
  verdicts: new Map(),
  counted: new Set(),
});

function ready(log: Log, from: number, most: number): number[] {
  const offsets: number[] = [];
  for (let offset = from; offset < log.records.length && offsets.length < most; offset++) {
    if (!(log.records[offset] as ModelRecord).gone) offsets.push(offset);
  }
  if (offsets.length > 0) log.untouched = Math.max(log.untouched, (offsets.at(-1) as number) + 1);
  return offsets;
}

function items(world: World, station: StationShape, partition: number, from: number, most: number): number[] {
  const there = (world.source.get(station.name) as number[])[partition] as number;
  return Array.from({ length: Math.max(0, Math.min(most, there - from)) }, (_, i) => from + i);
}

export interface Send {
  topic: string;
  partition: number;
  records: { origin: RecordOrigin | null; madeBy: Attempt }[];
}

/** Outputs and dead letters, by destination, and there by input partition in input order; now and then split by size. */
export function sendsOf(world: World, station: StationShape, attempts: readonly Attempt[]): Send[] {
  const sends = new Map<string, Send>();
  const add = (topic: string, partition: number, origin: RecordOrigin | null, madeBy: Attempt): void => {
    const key = `${topic}[${partition}]`;
    getOrMake(sends, key, (): Send => ({ topic, partition, records: [] })).records.push({ origin, madeBy });
  };
  const group = stationGroup(FLOW, station.name);
  for (const attempt of attempts) {
    const { topic: input, partition: from } = attempt;
    for (const [offset, { outputs }] of attempt.verdicts) {
      for (const { topic, partition } of outputs) {
        if (world.mutation === 'output forgotten' && world.rng.chance(0.02)) continue;
        add(
          topic,
          partition,
          { topic: input, partition: from, offset, ...(isDeadLetter(topic) && { group }) },
          attempt,
        );
      }
    }
    // An extractor's position is a record too; the offset after it is what its group commits.
    if (station.from === undefined) add(positionsTopic(FLOW, station.name), from, null, attempt);
  }
  return [...sends.values()].flatMap((send) => {
    const { records } = send;
    const cut = world.rng.chance(0.2) ? 1 + world.rng.int(records.length) : records.length;
    const [head, tail] = [records.slice(0, cut), records.slice(cut)];
    return tail.length === 0
      ? [send]
      : [
          { ...send, records: head },
          { ...send, records: tail },
        ];
  });
}

/** Takes the answers of a settle as what counts. */
export function acknowledge(attempt: Attempt, answers: readonly ModelRecord[]): void {
  const own = answers.filter((record) => record.madeBy === attempt).sort((a, b) => a.offset - b.offset);
  for (const record of own) {
    if (record.origin !== null) attempt.counted.add(record);
    else attempt.commit = record.offset + 1;
  }
}

/** An attempt as its station writes it down. */
export function partOf(attempt: Attempt, prev: LedgerRef | null): LedgerPart {
  const { kind, topic, partition, from, to, commit } = attempt;
  const runs: VerdictRun[] = [];
  const part: LedgerPart = {
    kind,
    topic,
    partition,
    from,
    to,
    commit,
    pass: 0,
    drop: 0,
    reject: 0,
    outputs: 0,
    runs,
    claims: [],
    outcomes: null,
    outcomeRuns: [],
    prev,
  };
  const letters = new Map(
    [...attempt.counted]
      .filter((record) => isDeadLetter(record.topic))
      .map((record) => [record.origin?.offset, record]),
  );
  let run: VerdictRun | undefined;
  for (const [offset, { verdict, code, outputs }] of attempt.verdicts) {
    part[verdict]++;
    if (verdict === 'pass') {
      part.outputs += outputs.length;
      run = undefined;
      continue;
    }
    const letter = letters.get(offset);
    const follows =
      letter === undefined || (run?.deadLetter != null && letter.offset === run.deadLetter.offset + run.count);
    if (run?.verdict === verdict && run.code === code && follows) {
      run.last = offset;
      run.count++;
    } else {
      const deadLetter =
        letter === undefined ? null : { topic: letter.topic, partition: letter.partition, offset: letter.offset };
      run = { verdict, code, offset, last: offset, count: 1, deadLetter };
      runs.push(run);
    }
  }
  part.claims = claimsOf([...attempt.counted].filter((record) => !isDeadLetter(record.topic)));
  if (part.outputs === 0 && (attempt.station === 'load' || attempt.station === 'copy') && kind === 'work') {
    part.outcomes = { written: part.pass, unchanged: 0, superseded: 0, conflicts: 0 };
  }
  return part;
}

function claimsOf(records: ModelRecord[]): Claim[] {
  const claims: Claim[] = [];
  for (const { topic, partition, offset } of records) {
    const last = claims.find(
      (claim) => claim.topic === topic && claim.partition === partition && claim.offset + claim.count === offset,
    );
    if (last === undefined) claims.push({ topic, partition, offset, count: 1 });
    else last.count++;
  }
  return claims;
}

/** What a station with a defect writes instead. */
export function damaged(world: World, part: LedgerPart, attempt: Attempt): LedgerPart {
  if (part.kind === 'expired' || !world.rng.chance(0.1)) return part;
  if (world.mutation === 'wrong interval') {
    world.damaged.add(attempt);
    return world.rng.chance(0.5)
      ? { ...part, to: part.to + 1, commit: part.commit + 1 }
      : { ...part, from: part.from + 1 };
  }
  if (world.mutation === 'verdict forgotten' && part.pass > 0 && !world.sparse.has(part.topic)) {
    world.damaged.add(attempt);
    return { ...part, pass: part.pass - 1 };
  }
  return part;
}
