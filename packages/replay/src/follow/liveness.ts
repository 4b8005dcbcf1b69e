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
import type { Tx } from '../db/database.ts';
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
      made += await database.transaction((tx) => follow(tx, key, offset!, metadata, handlers));
    }
  }
  return made;
}

async function follow(
  tx: Tx,
  key: ChainKey,
  committed: number,
  metadata: string,
  handlers: readonly OnLive[],
): Promise<number> {
  const at = [key.flow, key.station, key.topic, key.partition];
  const [known] = await tx.query<{ committed: number; tip_partition: number; tip_offset: number; tip_part: number }>(
    'SELECT * FROM chain WHERE flow = $1 AND station = $2 AND topic = $3 AND partition = $4 FOR UPDATE',
    at,
  );
  const knownTip = known?.tip_offset == null ? null : refOf(known.tip_partition, known.tip_offset, known.tip_part);
  const mark = parseMark(metadata);
  if (mark?.ref != null && knownTip !== null && compareRefs(mark.ref, knownTip) === 0) return 0;
  const pending = await partsOf(tx, key, 'AND NOT live');
  if (pending.length === 0) return 0;

  let fresh = mark?.ref == null ? undefined : walk(pending, mark.ref, knownTip);
  let tip = mark?.ref ?? null;
  if (fresh === undefined) {
    // Set by another tool, rewound, or begun anew: the whole chain is looked at. Dead letters and verdicts that only the
    // former chain knew stay as they are; their records will be judged again, and are other occurrences then.
    const all = await partsOf(tx, key, '');
    if (mark?.ref != null && !all.some(({ placed }) => compareRefs(placed.ref, mark.ref!) === 0)) return 0;
    const found = resume({ parts: all.map(({ placed }) => placed), committed, mark, low: undefined });
    tip = found.kind === 'begin' ? null : found.prev;
    const live = new Set(
      liveChain(
        all.map(({ placed }) => placed),
        tip,
      ).parts,
    );
    await tx.query(
      'UPDATE ledger_part SET live = false WHERE live AND flow = $1 AND station = $2 AND topic = $3 AND partition = $4',
      at,
    );
    fresh = all.filter(({ placed }) => live.has(placed));
  }
  fresh = fresh.slice(0, AT_ONCE);
  const last = fresh.at(-1);
  if (last !== undefined) {
    tip = last.placed.ref;
    await settleLive(
      tx,
      fresh.map(({ row }) => livePartOf(row)),
      handlers,
    );
  }
  await tx.query(
    `INSERT INTO chain VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (flow, station, topic, partition) DO UPDATE SET committed = excluded.committed,
       tip_partition = excluded.tip_partition, tip_offset = excluded.tip_offset, tip_part = excluded.tip_part`,
    [...at, committed, tip?.partition ?? null, tip?.offset ?? null, tip?.part ?? null],
  );
  return fresh.length;
}

interface Pending {
  placed: PlacedPart;
  row: PartRow;
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

/** From the committed part back to the one that was live last, in the order of the chain; undefined when it does not lead there. */
function walk(pending: readonly Pending[], tip: LedgerRef, known: LedgerRef | null): Pending[] | undefined {
  const found: Pending[] = [];
  const byRef = new Map(pending.map((each) => [textOf(each.placed.ref), each]));
  for (let ref: LedgerRef | null = tip; ; ) {
    if (ref === null) return known === null ? found.reverse() : undefined;
    if (known !== null && compareRefs(ref, known) === 0) return found.reverse();
    const part = byRef.get(textOf(ref));
    if (part === undefined || found.length > pending.length) return undefined;
    found.push(part);
    ref = part.placed.part.prev;
  }
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

async function partsOf(tx: Tx, { flow, station, topic, partition }: ChainKey, which: string): Promise<Pending[]> {
  const rows = await tx.query<PartRow>(
    `SELECT * FROM ledger_part WHERE flow = $1 AND station = $2 AND topic = $3 AND partition = $4 ${which}
     ORDER BY ledger_partition, ledger_offset, part`,
    [flow, station, topic, partition],
  );
  return rows.map((row) => {
    const { ref, at, part } = livePartOf(row);
    return { row, placed: { ref, at, part } };
  });
}

const refOf = (partition: number, offset: number, part: number): LedgerRef => ({ partition, offset, part });
const textOf = ({ partition, offset, part }: LedgerRef): string => `${partition}.${offset}.${part}`;
