/** Ids of the dead letters that a selection means, also by a condition over their values. */
import { type Field, openWhere, type Where } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { Selection } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { conditionsOf, Parameters } from './conditions.ts';
import { decodingOf } from './decode.ts';
import { withValues } from './values.ts';

const CHUNK = 1_000;

/**
 * In order of topic, source partition and source offset, up to 1,000 at a time; at most `limit` in all.
 * @throws Fault SQL_INVALID when `where` is no condition over the values of any of them.
 */
export async function* selectIds(
  ground: Pick<Ground, 'database' | 'registry'>,
  selection: Selection,
): AsyncGenerator<string[]> {
  const { where, limit = Number.POSITIVE_INFINITY } = selection;
  const parameters = new Parameters();
  const conditions = conditionsOf(selection, parameters);
  const bound = where === undefined && Number.isFinite(limit) ? `limit ${parameters.add(limit)}` : '';
  const rows = await ground.database.query<{ id: string }>(
    `select d.id from dead_letter d where ${conditions}
     order by d.topic, d.source_topic, d.source_partition, d.source_offset, d.id ${bound}`,
    parameters.values,
  );
  if (where === undefined) {
    for (let from = 0; from < rows.length; from += CHUNK) yield rows.slice(from, from + CHUNK).map(({ id }) => id);
    return;
  }
  const filter = new ValueFilter(ground, where);
  let left = limit;
  try {
    for (let from = 0; from < rows.length && left > 0; from += CHUNK) {
      const ids = (await filter.matching(rows.slice(from, from + CHUNK).map(({ id }) => id))).slice(0, left);
      left -= ids.length;
      if (ids.length > 0) yield ids;
    }
    filter.end();
  } finally {
    filter.close();
  }
}

/** Holds the values of dead letters against a condition; each schema has its own columns. */
export class ValueFilter {
  readonly #ground: Pick<Ground, 'database' | 'registry'>;
  readonly #condition: string;
  readonly #open = new Map<string, Where | Fault>();

  constructor(ground: Pick<Ground, 'database' | 'registry'>, condition: string) {
    this.#ground = ground;
    this.#condition = condition;
  }

  /** Those whose value meets the condition, in their order. What cannot be decoded meets none. @throws Fault SQL_INVALID */
  async matching(ids: readonly string[]): Promise<string[]> {
    const decoding = decodingOf(this.#ground.registry);
    const bySchema = new Map<string, { fields: readonly Field[]; ids: string[]; values: Record<string, unknown>[] }>();
    for (const row of await withValues(this.#ground.database, ids)) {
      const { value, fields, fits } = await decoding.decode(row);
      if (value === undefined) continue;
      const isTyped = fields === fits?.fields;
      const key = isTyped ? String(fits?.id) : `texts ${fields.map(({ name }) => name).join()}`;
      let same = bySchema.get(key);
      if (same === undefined) {
        same = { fields, ids: [], values: [] };
        bySchema.set(key, same);
      }
      same.ids.push(row.id);
      same.values.push(value);
    }
    const met = new Set<string>();
    for (const [key, { fields, ids: all, values }] of bySchema) {
      const where = await this.#whereOf(key, fields);
      if (where === undefined) continue;
      const matches = await where.matches(values);
      for (const [index, id] of all.entries()) if (matches[index]) met.add(id);
    }
    return ids.filter((id) => met.has(id));
  }

  /** To be called when all values were seen. @throws Fault SQL_INVALID when the condition fits none of their schemas. */
  end(): void {
    const all = [...this.#open.values()];
    const [first] = all;
    if (first instanceof Fault && all.every((each) => each instanceof Fault)) throw first;
  }

  close(): void {
    for (const where of this.#open.values()) if (!(where instanceof Fault)) where.close();
  }

  async #whereOf(key: string, fields: readonly Field[]): Promise<Where | undefined> {
    let where = this.#open.get(key);
    if (where === undefined) {
      where = await openWhere(fields, this.#condition).catch((error: unknown) => {
        if (error instanceof Fault && error.code === 'SQL_INVALID') return error;
        throw error;
      });
      this.#open.set(key, where);
    }
    return where instanceof Fault ? undefined : where;
  }
}
