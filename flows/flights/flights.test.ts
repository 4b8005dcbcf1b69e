/** The whole year through the flow's rules and joins, without servers, against what expected.py worked out on its own. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import {
  compileCoerce,
  Encoder,
  type EnricherSpec,
  loadRules,
  readFlow,
  readTopicSchema,
  type TransformerSpec,
} from '@quadrille/flow';
import { Drop, Fault } from '@quadrille/record';
import { parse } from 'csv-parse/sync';

type Row = Record<string, unknown>;

const folder = dirname(fileURLToPath(import.meta.url));
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
const flow = await readFlow(folder);
const schemaOf = (topic: string): ReturnType<typeof readTopicSchema> => readTopicSchema(flow.schemas, topic);

async function read(topic: string, pattern: string): Promise<Row[]> {
  const coerce = compileCoerce((await schemaOf(topic)).fields, { nullTexts: ['NA'] });
  return globSync(join(folder, 'data', pattern))
    .sort()
    .flatMap((file) => {
      const bytes = readFileSync(file);
      return parse(file.endsWith('.gz') ? gunzipSync(bytes) : bytes, {
        columns: true,
        quote: file.includes('flights-') ? false : '"',
      }) as Row[];
    })
    .map(coerce);
}

/** The values that rules let pass, and how many each code stopped. */
async function applyRules(
  files: readonly string[],
  from: string,
  to: string,
  records: Row[],
): Promise<{ passed: Row[]; stopped: Record<string, number> }> {
  const rules = await loadRules(files, {
    folder,
    input: (await schemaOf(from)).fields,
    output: (await schemaOf(to)).fields,
  });
  const stopped: Record<string, number> = {};
  const passed: Row[] = [];
  for (let start = 0; start < records.length; start += 8_000) {
    let alive = records.slice(start, start + 8_000);
    for (const rule of rules) {
      const next: Row[] = [];
      for (const result of await rule.apply(alive)) {
        if (result instanceof Drop || result instanceof Fault) stopped[result.code] = (stopped[result.code] ?? 0) + 1;
        else next.push(...([result].flat() as Row[]));
      }
      alive = next;
    }
    passed.push(...alive);
  }
  for (const rule of rules) await rule.close();
  return { passed, stopped };
}

test('the year: drops, rejects, nulls and every instant', async () => {
  const reported = await read('flights.reported', 'flights-2013-*.csv.gz');
  assert.equal(reported.length, expected.extracted.reported);

  const qualify = flow.stations.get('qualify') as TransformerSpec;
  const qualified = await applyRules(qualify.rules, qualify.from, qualify.to[0], reported);
  assert.deepEqual(qualified.stopped, expected.dropped.qualify);
  assert.equal(qualified.passed.length, expected.passed.qualify);

  const locate = flow.stations.get('locate') as EnricherSpec;
  const missing: Record<string, number> = {};
  let located = qualified.passed;
  for (const { topic = '', on, take, missing: then } of locate.lookups) {
    const [name] = topic.split('.');
    const keys = Object.entries(on);
    const table = new Map(
      (await read(topic, `${name}.csv*`)).map((row) => [keys.map(([theirs]) => row[theirs]).join('/'), row]),
    );
    located = located.filter((record) => {
      const found = table.get(keys.map(([, ours]) => record[ours]).join('/'));
      for (const [theirs, ours] of Object.entries(take)) record[ours] = found?.[theirs] ?? null;
      if (found !== undefined || then === 'null') return true;
      missing[record.dest as string] = (missing[record.dest as string] ?? 0) + 1;
      return false;
    });
  }
  assert.deepEqual(missing, expected.rejected.locate.byDest);

  const enriched = await applyRules(locate.rules, locate.from, locate.to[0], located);
  assert.deepEqual(enriched.stopped, {});
  assert.equal(enriched.passed.length, expected.loaded);
  const encoder = new Encoder((await schemaOf(locate.to[0])).type, 1);
  const nulls: Record<string, number> = {};
  const sums: Record<string, number> = {};
  const counts: Record<string, Record<string, number>> = { delay_class: {}, us_registered: {} };
  for (const record of enriched.passed) {
    encoder.encode(record);
    for (const column of Object.keys(expected.table.nulls))
      nulls[column] = (nulls[column] ?? 0) + (record[column] === null ? 1 : 0);
    for (const column of Object.keys(expected.table.sums)) {
      const unit = /arriv|depart/.test(column) ? 60_000 : 1; // instants are summed in minutes: milliseconds would pass 2^53
      sums[column] = (sums[column] ?? 0) + ((record[column] as number | null) ?? 0) / unit;
    }
    for (const [column, count] of Object.entries(counts))
      count[String(record[column])] = (count[String(record[column])] ?? 0) + 1;
  }
  assert.deepEqual(nulls, expected.table.nulls);
  assert.deepEqual(counts, { delay_class: expected.table.delay_class, us_registered: expected.table.us_registered });
  assert.deepEqual(sums, expected.table.sums);
});
