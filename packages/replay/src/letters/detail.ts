/** One dead letter in full. */
import { type Field, valueToJson } from '@quadrille/flow';
import { Fault, FORMER_HEADER, HEADER, unpackFormer, unpackHeader } from '@quadrille/record';
import type { DeadLetterDetail } from '../api/index.ts';
import type { Queries } from '../db/database.ts';
import type { Ground } from '../model.ts';
import { beginsWith, Parameters } from './conditions.ts';
import { type DecodedValue, type Decoding, decodingOf } from './decode.ts';
import { neighboursOf } from './neighbours.ts';
import { deadLetterOf } from './row.ts';
import { type ValueRow, withValues } from './values.ts';

/**
 * @param named an id or the beginning of one (4 digits and more), a place `topic[partition]@offset` in a dead-letter topic
 * or of the record itself, or a record id.
 * @throws Fault NOT_FOUND, also when several are meant; REGISTRY_UNAVAILABLE
 */
export async function deadLetter(
  ground: Pick<Ground, 'database' | 'registry' | 'kafka' | 'admin'>,
  named: string,
): Promise<DeadLetterDetail> {
  const { database } = ground;
  const id = await idOf(database, named);
  const [row] = await withValues(database, [id]);
  if (row === undefined) throw new Fault('NOT_FOUND', `dead letter ${id}`);
  const decoding = decodingOf(ground.registry);
  const decoded = await decoding.decode(row);
  const { before, after } = await neighboursOf(ground, row);
  return {
    ...deadLetterOf(row),
    value: decoded.json,
    fields: fieldsShown(decoded),
    schemaId: decoded.fits?.id ?? null,
    schema: decoded.fits?.schema ?? null,
    problem: decoded.problem,
    text: decoded.text,
    headers: row.headers.map(([name, value]) => ({ name, value: headerText(name, Buffer.from(value, 'base64'), row) })),
    stack: row.stack,
    service: row.service,
    history: await historyOf(database, id),
    corrections: await correctionsOf(database, decoding, id),
    before,
    after,
    masked: [],
  };
}

const PLACE = /^(.+)\[(\d+)\]@(\d+)$/;

async function idOf(database: Queries, named: string): Promise<string> {
  const place = PLACE.exec(named);
  const parameters = new Parameters();
  const tries: string[] = [];
  if (place !== null) {
    const [topic, partition, offset] = [place[1], Number(place[2]), Number(place[3])].map((part) =>
      parameters.add(part),
    );
    tries.push(
      `select dead_letter from letter_record where (topic, partition, record_offset) = (${topic}, ${partition}, ${offset})
         and dead_letter is not null`,
      `select id from dead_letter where (source_topic, source_partition, source_offset) = (${topic}, ${partition}, ${offset})`,
    );
  } else {
    if (/^[0-9a-f]{4,12}$/.test(named))
      tries.push(`select d.id from dead_letter d where ${beginsWith('d.id', named, 12, parameters)}`);
    tries.push(`select id from dead_letter where record_id = ${parameters.add(named)}`);
  }
  const rows = await database.query<{ id: string }>(
    `select distinct id from (${tries.join(' union all ')}) as found(id) limit 3`,
    parameters.values,
  );
  if (rows.length === 0) throw new Fault('NOT_FOUND', `dead letter ${named}`);
  if (rows.length > 1)
    throw new Fault('NOT_FOUND', `several dead letters are ${named}`, { help: 'name one by its whole id' });
  return rows[0]!.id;
}

/** As the schema of the value has them; of an item of an extractor what its output topic's schema says of them. */
function fieldsShown({ json, fields, fits }: DecodedValue): DeadLetterDetail['fields'] {
  if (typeof json !== 'object' || json === null) return [];
  const declared = new Map(fits?.fields.map((field) => [field.name, field]));
  return fields.map((field) => {
    const { doc, sensitive } = declared.get(field.name) ?? field;
    const value = (json as Record<string, unknown>)[field.name];
    return { name: field.name, type: typeText(field), doc, sensitive, value };
  });
}

const typeText = ({ kind, nullable }: Field): string => `${kind}${nullable ? '?' : ''}`;

/** Packed headers as what they say; other bytes that are no text in base64. */
function headerText(name: string, bytes: Buffer, { key }: ValueRow): string {
  try {
    if (name === HEADER) return JSON.stringify(unpackHeader(bytes, key), (_, each) => asJson(each));
    if (name === FORMER_HEADER) return JSON.stringify(unpackFormer(bytes), (_, each) => asJson(each));
  } catch {
    // Not as we pack it: shown as it stands.
  }
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : bytes.toString('base64');
}

const asJson = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** Every attempt once, the first one first; further occurrences of an attempt are none. */
async function historyOf(database: Queries, id: string): Promise<DeadLetterDetail['history']> {
  const rows = await database.query<{
    revision: number;
    last_at: Date;
    code: string;
    field: string | null;
    message: string;
    place: string | null;
    replay: string | null;
    topic: string;
    partition: number;
    record_offset: number;
  }>(
    `select distinct on (revision) revision, last_at, code, field, message, place, replay, topic, partition, record_offset
     from letter_record where dead_letter = $1 order by revision, last_at, topic, partition, record_offset`,
    [id],
  );
  return rows.map(({ revision, last_at, code, field, message, place, replay, topic, partition, record_offset }) => ({
    revision,
    at: last_at.toISOString(),
    code,
    field,
    message,
    place,
    replay,
    letter: { topic, partition, offset: record_offset },
  }));
}

async function correctionsOf(
  database: Queries,
  decoding: Decoding,
  id: string,
): Promise<DeadLetterDetail['corrections']> {
  const rows = await database.query<{
    number: number;
    by_whom: string;
    at: Date;
    reason: string;
    value: Buffer;
    revision: number | null;
  }>('select number, by_whom, at, reason, value, revision from correction where dead_letter = $1 order by number', [
    id,
  ]);
  const corrections: DeadLetterDetail['corrections'] = [];
  for (const { number, by_whom, at, reason, value, revision } of rows) {
    const { schema, decoder } = await decoding.schemaOf(value.readUInt32BE(1));
    const json = valueToJson(schema, decoder.decode(value));
    corrections.push({ number, by: by_whom, at: at.toISOString(), reason, value: json, revision });
  }
  return corrections;
}
