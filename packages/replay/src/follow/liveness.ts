/**
 * Finds which parts have become live: those that the committed part of their chain leads back to. The rules are those of
 * @quadrille/record (liveChain, resume); what is kept here is only how far each chain was live when last looked at.
 */
import {
  compareRefs,
  formatMark,
  type LedgerRef,
  liveChain,
  type PlacedPart,
  parseMark,
  replayGroup,
  replayTopic,
  resume,
  stationGroup,
} from '@quadrille/record';
import type { Committed } from '@quadrille/station';
import type { Database, Tx } from '../db/database.ts';
import { linkRange } from '../letters/link.ts';
import type { Ground, LivePart, OnLive } from '../model.ts';
import { livePartOf, type PartRow } from './ledger.ts';

interface ChainKey {
  flow: string;
  station: string;
  topic: string;
  partition: number;
}

/** Parts a transaction makes live at most. */
const AT_ONCE = 500;

/**
 * Looks at every chain that has parts which are not live.
 * @returns how many have become so. @throws Fault of class `dependency`
 */
export async function makeLive(ground: Ground, handlers: readonly OnLive[], signal: AbortSignal): Promise<number> {
  const { database, admin, flows } = ground;
  const inputs = await database.query<{ flow: string; station: string; topic: string }>(
    'SELECT DISTINCT flow, station, topic FROM ledger_part WHERE NOT live AND flow = ANY($1)',
    [[...flows.keys()]],
  );
  if (inputs.length === 0) return 0;
  // The ledger outlives topics.
  const existing = new Set(await admin.listTopics());
  let made = 0;
  for (const { flow, station, topic } of inputs) {
    if (signal.aborted) return made;
    const group = topic === replayTopic(flow, station) ? replayGroup(flow, station) : stationGroup(flow, station);
    const positions = existing.has(topic) ? await admin.committed(group, topic) : [];
    const known = positions.filter(({ offset }) => offset !== undefined);
    const isWhole = known.length > 0 && known.length === positions.length;
    const kept = isWhole ? [] : await retired(ground, flow, station, topic, known);
    for (const { partition, offset, metadata } of [...known, ...kept]) {
      const key = { flow, station, topic, partition };
      made += await follow(database, key, offset!, metadata, handlers, signal);
    }
  }
  return made;
}

/** @returns how many parts of a chain have become live: as far back as the committed one leads, a few at a time. */
async function follow(
  database: Database,
  key: ChainKey,
  committed: number,
  metadata: string,
  handlers: readonly OnLive[],
  signal: AbortSignal,
): Promise<number> {
  const fresh = await database.transaction((tx) => freshParts(tx, key, committed, metadata));
  let made = 0;
  // The way back is walked once, however long it is: after a rebuild it is the whole chain.
  for (; made < fresh.length && !signal.aborted; made = Math.min(fresh.length, made + AT_ONCE)) {
    const refs = fresh.slice(made, made + AT_ONCE);
    await database.transaction(async (tx) => {
      await lockChain(tx, key);
      await settleLive(tx, await livePartsOf(tx, refs), handlers);
      await moveTip(tx, key, committed, refs.at(-1)!);
    });
  }
  return made;
}

interface ChainRow {
  committed: number;
  tip_partition: number | null;
  tip_offset: number | null;
  tip_part: number | null;
}

/** Keeps others from the chain until the transaction ends, also those who look for verdicts in its parts. */
const lockChain = async (tx: Tx, key: ChainKey): Promise<ChainRow | undefined> =>
  (
    await tx.query<ChainRow>(
      'SELECT * FROM chain WHERE flow = $1 AND station = $2 AND topic = $3 AND partition = $4 FOR UPDATE',
      placeOf(key),
    )
  )[0];

const placeOf = ({ flow, station, topic, partition }: ChainKey): unknown[] => [flow, station, topic, partition];

const moveTip = (tx: Tx, key: ChainKey, committed: number, tip: LedgerRef | null): Promise<unknown> =>
  tx.query(
    `INSERT INTO chain VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (flow, station, topic, partition) DO UPDATE SET committed = excluded.committed,
       tip_partition = excluded.tip_partition, tip_offset = excluded.tip_offset, tip_part = excluded.tip_part`,
    [...placeOf(key), committed, tip?.partition ?? null, tip?.offset ?? null, tip?.part ?? null],
  );

/** The parts that are to become live, in the order of the chain. Where they do not go on from what is live, all begins anew. */
async function freshParts(tx: Tx, key: ChainKey, committed: number, metadata: string): Promise<LedgerRef[]> {
  const known = await lockChain(tx, key);
  const knownTip = known?.tip_offset == null ? null : refOf(known.tip_partition!, known.tip_offset, known.tip_part!);
  const mark = parseMark(metadata);
  if (mark?.ref != null && knownTip !== null && compareRefs(mark.ref, knownTip) === 0) return [];
  const pending = await pendingLinks(tx, key);
  if (pending.length === 0) return [];
  const walked = mark?.ref == null ? undefined : walk(pending, mark.ref, knownTip);
  if (walked !== undefined) return walked;
  // Set by another tool, rewound, or begun anew: the whole chain is looked at. Dead letters and verdicts that only the
  // former chain knew stay as they are; their records will be judged again, and are other occurrences then.
  const parts = await partsOf(tx, key);
  if (mark?.ref != null && !parts.some(({ ref }) => compareRefs(ref, mark.ref!) === 0)) return [];
  const found = resume({ parts, committed, mark, low: undefined });
  const tip = found.kind === 'begin' ? null : found.prev;
  if (known?.committed === committed && isSame(tip, knownTip)) return [];
  await tx.query(
    'UPDATE ledger_part SET live = false WHERE live AND flow = $1 AND station = $2 AND topic = $3 AND partition = $4',
    placeOf(key),
  );
  // What leads to the tip is made live from its beginning on.
  await moveTip(tx, key, committed, null);
  return liveChain(parts, tip).parts.map(({ ref }) => ref);
}

/** Where a removed station stood, as the ledger keeps it: partitions without a position whose furthest part says so. */
async function retired(
  { database }: Ground,
  flow: string,
  station: string,
  topic: string,
  known: readonly Committed[],
): Promise<Committed[]> {
  const tips = await database.query<PartRow>(
    `SELECT DISTINCT ON (partition) * FROM ledger_part WHERE flow = $1 AND station = $2 AND topic = $3
     ORDER BY partition, commit_offset DESC, ledger_partition DESC, ledger_offset DESC, part DESC`,
    [flow, station, topic],
  );
  const gone = tips.filter(
    (tip) => tip.kind === 'retired' && !known.some(({ partition }) => partition === tip.partition),
  );
  return gone.map((tip) => ({
    partition: tip.partition,
    offset: tip.commit_offset,
    metadata: formatMark({ ref: refOf(tip.ledger_partition, tip.ledger_offset, tip.part), attempts: 0 }),
  }));
}

/** A part that is not live, and the one before it. */
interface Link {
  ref: LedgerRef;
  prev: LedgerRef | null;
}

/** From the committed part back to the one that was live last, in the order of the chain; undefined when it does not lead there. */
function walk(pending: readonly Link[], tip: LedgerRef, known: LedgerRef | null): LedgerRef[] | undefined {
  const found: LedgerRef[] = [];
  for (let ref: LedgerRef | null = tip; ; ) {
    if (ref === null) return known === null ? found.reverse() : undefined;
    if (known !== null && compareRefs(ref, known) === 0) return found.reverse();
    const link = linkAt(pending, ref);
    if (link === undefined || found.length > pending.length) return undefined;
    found.push(link.ref);
    ref = link.prev;
  }
}

/** @param links sorted by their refs. */
function linkAt(links: readonly Link[], ref: LedgerRef): Link | undefined {
  let low = 0;
  let high = links.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareRefs(links[middle]!.ref, ref);
    if (order === 0) return links[middle];
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

async function settleLive(tx: Tx, parts: readonly LivePart[], handlers: readonly OnLive[]): Promise<void> {
  await tx.query(
    `UPDATE ledger_part p SET live = true FROM jsonb_to_recordset($1::jsonb) AS r(partition integer, "offset" bigint, part integer)
     WHERE p.ledger_partition = r.partition AND p.ledger_offset = r."offset" AND p.part = r.part`,
    [JSON.stringify(parts.map(({ ref }) => ref))],
  );
  const rejected = parts.flatMap(({ flow, station, at, part }) =>
    part.runs.flatMap(({ deadLetter, count, offset }) =>
      deadLetter === null
        ? []
        : [
            {
              topic: deadLetter.topic,
              partition: deadLetter.partition,
              from_offset: deadLetter.offset,
              to_offset: deadLetter.offset + count,
              flow,
              station,
              input_topic: part.topic,
              input_partition: part.partition,
              input_offset: offset,
              at: new Date(at).toISOString(),
            },
          ],
    ),
  );
  if (rejected.length > 0) {
    await tx.query(
      `INSERT INTO rejected_run SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(topic text, partition integer,
         from_offset bigint, to_offset bigint, flow text, station text, input_topic text, input_partition integer,
         input_offset bigint, at timestamptz)
       ON CONFLICT DO NOTHING`,
      [JSON.stringify(rejected)],
    );
    // Once a partition, not once a run: most runs are of one record.
    for (const runs of Map.groupBy(rejected, ({ topic, partition }) => `${topic}/${partition}`).values()) {
      const { topic, partition } = runs[0]!;
      const from = Math.min(...runs.map(({ from_offset }) => from_offset));
      await linkRange(tx, { topic, partition, from, to: Math.max(...runs.map(({ to_offset }) => to_offset)) });
    }
  }
  for (const handle of handlers) await handle(tx, parts);
}

/** What is not live yet, without what it says: after a rebuild there are very many. Sorted by their refs. */
async function pendingLinks(tx: Tx, key: ChainKey): Promise<Link[]> {
  const rows = await tx.query<Pick<PartRow, PartPlace | 'prev_partition' | 'prev_offset' | 'prev_part'>>(
    `SELECT ledger_partition, ledger_offset, part, prev_partition, prev_offset, prev_part FROM ledger_part
     WHERE NOT live AND flow = $1 AND station = $2 AND topic = $3 AND partition = $4
     ORDER BY ledger_partition, ledger_offset, part`,
    placeOf(key),
  );
  return rows.map(({ ledger_partition, ledger_offset, part, prev_partition, prev_offset, prev_part }) => ({
    ref: refOf(ledger_partition, ledger_offset, part),
    prev: prev_offset === null ? null : refOf(prev_partition!, prev_offset, prev_part!),
  }));
}

type PartPlace = 'ledger_partition' | 'ledger_offset' | 'part';

/** All parts of a chain's place, sorted by their refs. */
async function partsOf(tx: Tx, key: ChainKey): Promise<PlacedPart[]> {
  const rows = await tx.query<PartRow>(
    `SELECT * FROM ledger_part WHERE flow = $1 AND station = $2 AND topic = $3 AND partition = $4
     ORDER BY ledger_partition, ledger_offset, part`,
    placeOf(key),
  );
  return rows.map(livePartOf);
}

/** In the order of the refs. */
async function livePartsOf(tx: Tx, refs: readonly LedgerRef[]): Promise<LivePart[]> {
  const rows = await tx.query<PartRow>(
    `SELECT p.* FROM unnest($1::integer[], $2::bigint[], $3::integer[]) WITH ORDINALITY
       AS r(ledger_partition, ledger_offset, part, n)
     JOIN ledger_part p USING (ledger_partition, ledger_offset, part) ORDER BY r.n`,
    [refs.map(({ partition }) => partition), refs.map(({ offset }) => offset), refs.map(({ part }) => part)],
  );
  return rows.map(livePartOf);
}

const isSame = (a: LedgerRef | null, b: LedgerRef | null): boolean =>
  a === null || b === null ? a === b : compareRefs(a, b) === 0;

const refOf = (partition: number, offset: number, part: number): LedgerRef => ({ partition, offset, part });
