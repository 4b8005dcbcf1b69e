/** Corrections: a new value for a dead letter, held against the schema; the original stays as it is. */
import { valueFromJson } from '@quadrille/flow';
import { asFault, Fault } from '@quadrille/record';
import type { Decision } from '@quadrille/station';
import type { CorrectionRequest, CorrectionResult, LetterState } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import type { Caller, Decisions, Ground } from '../model.ts';
import type { CorrectionBody } from './apply.ts';
import { decodingOf } from './decode.ts';
import { type ValueRow, withValues } from './values.ts';

type Item = CorrectionRequest['items'][number];

/** A dead letter as it stands, locked when it is to be changed. */
interface Standing {
  id: string;
  edition: number;
  state: LetterState;
  /** The highest number of its corrections. */
  number: number;
  /** Of the correction that waits. */
  waiting: Buffer | null;
}

/**
 * Each item stands for itself; without `execute` nothing changes. The same correction again is unchanged, whatever edition
 * it names. Problems: NOT_FOUND, STATE_FORBIDS, REPLAYING_ALREADY, EDIT_CONFLICT, CORRECTION_INVALID with every field.
 * @throws Fault of class `dependency`: nothing is known to have changed.
 */
export async function correct(
  ground: Pick<Ground, 'database' | 'registry'>,
  decisions: Decisions,
  caller: Caller,
  request: CorrectionRequest,
): Promise<CorrectionResult> {
  const { items, reason = '', execute = false } = request;
  const ids = [...new Set(items.map(({ deadLetter }) => deadLetter))].sort();
  const letters = new Map((await withValues(ground.database, ids)).map((row) => [row.id, row]));
  // Schemas are fetched before anything is locked.
  const encoded = new Map<Item, Buffer | Fault>();
  for (const item of items) {
    const row = letters.get(item.deadLetter);
    if (row !== undefined) encoded.set(item, await encode(ground, row, item.value));
  }
  if (!execute) return judge(await standingOf(ground.database, ids, ''), items, encoded).result;
  return ground.database.transaction(async (tx) => {
    const { result, accepted } = judge(await standingOf(tx, ids, 'for update of d'), items, encoded);
    const at = Date.now();
    await decisions.decide(
      tx,
      accepted.map(({ body, bytes }): Decision => {
        const { letter, number } = body;
        const id = `${letter}/${number}`;
        return { kind: 'correction', id, at, by: caller.name, reason, body: JSON.stringify(body), bytes };
      }),
    );
    return result;
  });
}

async function standingOf(queries: Queries, ids: readonly string[], lock: string): Promise<Map<string, Standing>> {
  // Locked first: what others have committed meanwhile is seen by the second statement only.
  const rows = await queries.query<Pick<Standing, 'id' | 'edition' | 'state'>>(
    `select d.id, d.edition, d.state from dead_letter d where d.id = any($1) order by d.id ${lock}`,
    [ids],
  );
  const corrections = await queries.query<{ dead_letter: string; number: number; waiting: Buffer | null }>(
    `select c.dead_letter, max(c.number) as number, (array_agg(c.value) filter (where c.number = d.correction))[1] as waiting
     from correction c join dead_letter d on d.id = c.dead_letter where c.dead_letter = any($1) group by 1`,
    [ids],
  );
  const byLetter = new Map(corrections.map((row) => [row.dead_letter, row]));
  return new Map(
    rows.map((row) => {
      const { number = 0, waiting = null } = byLetter.get(row.id) ?? {};
      return [row.id, { ...row, number, waiting }];
    }),
  );
}

interface Accepted {
  body: CorrectionBody;
  bytes: Buffer;
}

function judge(
  standing: ReadonlyMap<string, Standing>,
  items: readonly Item[],
  encoded: ReadonlyMap<Item, Buffer | Fault>,
): { result: CorrectionResult; accepted: Accepted[] } {
  const result: CorrectionResult = { accepted: 0, unchanged: 0, problems: [] };
  const accepted: Accepted[] = [];
  for (const item of items) {
    const letter = standing.get(item.deadLetter);
    const bytes = encoded.get(item);
    const fault = letter === undefined ? undefined : refusalOf(letter, item, bytes);
    if (letter === undefined || bytes === undefined) {
      result.problems.push(problemOf(item, new Fault('NOT_FOUND', `dead letter ${item.deadLetter}`)));
    } else if (fault !== undefined) {
      result.problems.push(problemOf(item, fault));
    } else if (isSame(letter, bytes)) {
      result.unchanged++;
    } else {
      result.accepted++;
      const number = letter.number + 1;
      accepted.push({ body: { letter: letter.id, number, edition: item.edition }, bytes: bytes as Buffer });
      // A second item for the same dead letter meets what the first has made of it.
      Object.assign(letter, { number, waiting: bytes, state: 'corrected', edition: letter.edition + 1 });
    }
  }
  return { result, accepted };
}

const isSame = ({ state, waiting }: Standing, bytes: Buffer | Fault | undefined): boolean =>
  state === 'corrected' && waiting !== null && Buffer.isBuffer(bytes) && waiting.equals(bytes);

function refusalOf(letter: Standing, item: Item, bytes: Buffer | Fault | undefined): Fault | undefined {
  const { state, edition, id } = letter;
  if (state === 'replaying') return new Fault('REPLAYING_ALREADY', `dead letter ${id}`);
  if (state === 'resolved' || state === 'discarded') return new Fault('STATE_FORBIDS', `dead letter ${id} is ${state}`);
  if (isSame(letter, bytes)) return undefined;
  if (edition !== item.edition)
    return new Fault('EDIT_CONFLICT', `dead letter ${id}, edition ${edition} instead of ${item.edition}`);
  return bytes instanceof Fault ? bytes : undefined;
}

const problemOf = (
  { deadLetter }: Item,
  { code, message, place, field, help }: Fault,
): CorrectionResult['problems'][number] => ({
  deadLetter,
  fault: { code, message, help, ...(place !== undefined && { place }), ...(field !== undefined && { field }) },
});

/** The value as it is sent; CORRECTION_INVALID with every field that does not fit, and no value. */
async function encode({ registry }: Pick<Ground, 'registry'>, row: ValueRow, json: unknown): Promise<Buffer | Fault> {
  const decoding = decodingOf(registry);
  // Of the original: a correction before may have been made with another schema.
  const { fits } = await decoding.decode({ ...row, value: row.original });
  if (fits === undefined)
    return new Fault('CORRECTION_INVALID', `no schema is registered for ${row.topic}`, {
      help: 'register it: `quadrille up`',
    });
  const { value, problems } = valueFromJson(fits.schema, json);
  if (problems.length > 0) {
    const each = problems.map(({ path, message }) => (path === '' ? `the value ${message}` : `\`${path}\` ${message}`));
    return new Fault('CORRECTION_INVALID', each.join('; '), fieldOf(problems[0]!.path));
  }
  try {
    // A view of a slab that is kept as long as the view: copied, since corrections are held and compared.
    return Buffer.from(fits.encoder.encode(value));
  } catch (error) {
    const { message, field } = asFault(error, 'ENCODE_FAILED');
    return new Fault('CORRECTION_INVALID', message, { ...fieldOf(field ?? ''), cause: error });
  }
}

const fieldOf = (path: string): { field?: string } => (path === '' ? {} : { field: path });
