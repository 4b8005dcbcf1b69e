/** Lists of dead letters, newest first, page by page; counts by state. */
import { Fault } from '@quadrille/record';
import type { DeadLetter, DeadLetterWithValue, LetterCounts, Page, Selection } from '../api/index.ts';
import type { PageOf } from '../http/backend.ts';
import type { Ground } from '../model.ts';
import { conditionsOf, Parameters } from './conditions.ts';
import { decodingOf } from './decode.ts';
import { type DeadLetterRow, deadLetterOf, LETTER } from './row.ts';
import { withValues } from './values.ts';
import { ValueFilter } from './where-ids.ts';

export { deadLetter } from './detail.ts';
export { groups } from './groups.ts';
export { selectIds } from './where-ids.ts';

type Reading = Pick<Ground, 'database' | 'registry'>;

/** Dead letters whose values are held against a condition at a time. */
const LOOKED_AT = 1_000;
/** After so long a page is given as far as it has come; its cursor goes on from there. */
const PAGE_MS = 3_000;

/**
 * By last failure, the newest first. With `where` a page may hold fewer than `limit`, or none, and still have a cursor:
 * looking at values takes time. @throws Fault REQUEST_INVALID for a cursor that is none of ours; SQL_INVALID
 */
export async function deadLetters(ground: Reading, selection: Selection, page: PageOf): Promise<Page<DeadLetter>> {
  const { rows, cursor } = await rowsOf(ground, selection, page);
  return { items: rows.map(deadLetterOf), cursor };
}

/** As `deadLetters`, with values. @throws also Fault REGISTRY_UNAVAILABLE */
export async function deadLettersWithValues(
  ground: Reading,
  selection: Selection,
  page: PageOf,
): Promise<Page<DeadLetterWithValue>> {
  const { rows, cursor } = await rowsOf(ground, selection, page);
  const decoding = decodingOf(ground.registry);
  const items: DeadLetterWithValue[] = [];
  const ids = rows.map(({ id }) => id);
  for (const row of await withValues(ground.database, ids)) {
    const { json, problem, fits } = await decoding.decode(row);
    items.push({
      ...deadLetterOf(row),
      value: json,
      problem,
      schemaId: fits?.id ?? null,
      raw: {
        key: row.key?.toString('base64') ?? null,
        value: row.original?.toString('base64') ?? null,
        headers: row.headers.map(([name, value]) => ({ name, value })),
      },
    });
  }
  return { items, cursor };
}

/** Of one flow, or of all; a state that none is in counts 0. */
export async function counts(ground: Pick<Ground, 'database'>, flow: string | undefined): Promise<LetterCounts> {
  const rows = await ground.database.query<{ state: keyof LetterCounts; letters: number }>(
    `select state, sum(letters)::bigint as letters from letter_group
     where $1::text is null or flow = $1 group by state`,
    [flow ?? null],
  );
  const found: LetterCounts = { open: 0, corrected: 0, replaying: 0, resolved: 0, discarded: 0 };
  for (const { state, letters } of rows) found[state] = letters;
  return found;
}

type ListRow = DeadLetterRow & { last_exact: string };

async function rowsOf(
  ground: Reading,
  selection: Selection,
  { limit, cursor }: PageOf,
): Promise<{ rows: ListRow[]; cursor: string | null }> {
  let after = cursor === undefined ? undefined : readCursor(cursor);
  if (selection.where === undefined) {
    const rows = await next(ground, selection, after, limit + 1);
    const more = rows.length > limit;
    const page = rows.slice(0, limit);
    return { rows: page, cursor: more ? cursorAt(page.at(-1)!) : null };
  }
  const filter = new ValueFilter(ground, selection.where);
  const end = Date.now() + PAGE_MS;
  const found: ListRow[] = [];
  try {
    for (;;) {
      const rows = await next(ground, selection, after, LOOKED_AT);
      const met = new Set(await filter.matching(rows.map(({ id }) => id)));
      for (const row of rows) {
        if (!met.has(row.id)) continue;
        found.push(row);
        if (found.length === limit) return { rows: found, cursor: cursorAt(row) };
      }
      if (rows.length < LOOKED_AT) break;
      after = placeOf(rows.at(-1)!);
      if (Date.now() > end) return { rows: found, cursor: cursorAt(rows.at(-1)!) };
    }
    filter.end();
    return { rows: found, cursor: null };
  } finally {
    filter.close();
  }
}

interface After {
  last: string;
  id: string;
}

function next(
  { database }: Reading,
  selection: Selection,
  after: After | undefined,
  limit: number,
): Promise<ListRow[]> {
  const parameters = new Parameters();
  const conditions = conditionsOf(selection, parameters);
  const beyond =
    after === undefined
      ? ''
      : `and (d.last_at, d.id) < (${parameters.add(after.last)}::timestamptz, ${parameters.add(after.id)})`;
  return database.query<ListRow>(
    `select ${LETTER}, d.last_at::text as last_exact from dead_letter d where ${conditions} ${beyond}
     order by d.last_at desc, d.id desc limit ${parameters.add(limit)}`,
    parameters.values,
  );
}

/** The moment as PostgreSQL tells it: JavaScript's dates end at the millisecond. */
const placeOf = ({ last_exact, id }: ListRow): After => ({ last: last_exact, id });
const cursorAt = (row: ListRow): string => Buffer.from(JSON.stringify(placeOf(row))).toString('base64url');

function readCursor(cursor: string): After {
  try {
    const { last, id } = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as After;
    if (typeof id === 'string' && !Number.isNaN(Date.parse(last.replace(/([+-]\d\d)$/, '$1:00')))) return { last, id };
  } catch {
    // Said below.
  }
  throw new Fault('REQUEST_INVALID', 'the cursor is not of an answer of this service', { field: 'cursor' });
}
