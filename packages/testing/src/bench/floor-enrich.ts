/** The floor's enricher: plain Maps filled from the reference files, the same rule for the arrival. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { compileCoerce, type EnricherSpec, loadRules, readFlow, readTopicSchema } from '@quadrille/flow';
import { Drop, Fault } from '@quadrille/record';
import { parse } from 'csv-parse/sync';
import { bareType, runFloor, settings, wire } from './floor.ts';

type Row = Record<string, unknown>;

const { flow: path, group, expect } = settings();
const flow = await readFlow(path!);
const spec = flow.stations.get('locate') as EnricherSpec;
const input = bareType(flow.schemas, spec.from);
const output = bareType(flow.schemas, spec.to[0]);
const schemas = [await readTopicSchema(flow.schemas, spec.from), await readTopicSchema(flow.schemas, spec.to[0])];
const rules = await loadRules(spec.rules, {
  folder: flow.folder,
  input: schemas[0]!.fields,
  output: schemas[1]!.fields,
});
const airlines = await table('airlines.csv', 'airlines.reported', (row) => row.carrier as string);
const airports = await table('airports.csv', 'airports.reported', (row) => row.faa as string);
const planes = await table('planes.csv', 'planes.reported', (row) => row.tailnum as string);
const weather = await table('weather.csv.gz', 'weather.reported', (row) => `${row.origin}/${row.time_hour}`);

await runFloor({
  from: spec.from,
  to: spec.to[0],
  group: group!,
  expect: Number(expect),
  work: async (messages, partition) => {
    const keys: (Buffer | null)[] = [];
    const values: Row[] = [];
    for (const { key, value } of messages) {
      const row = input.decode(value!, 5).value as Row;
      const airline = airlines.get(row.carrier as string);
      const origin = airports.get(row.origin as string);
      const dest = airports.get(row.dest as string);
      if (airline === undefined || origin === undefined || dest === undefined) continue;
      const plane = planes.get(row.tailnum as string);
      const hour = weather.get(`${row.origin}/${row.time_hour}`);
      row.airline_name = airline.name;
      row.origin_name = origin.name;
      row.dest_name = dest.name;
      row.dest_tz = dest.tzone;
      row.dest_lat = dest.lat;
      row.dest_lon = dest.lon;
      row.plane_manufacturer = plane?.manufacturer ?? null;
      row.plane_model = plane?.model ?? null;
      row.plane_year = plane?.year ?? null;
      row.plane_seats = plane?.seats ?? null;
      row.temp = hour?.temp ?? null;
      row.wind_speed = hour?.wind_speed ?? null;
      row.precip = hour?.precip ?? null;
      row.visib = hour?.visib ?? null;
      values.push(row);
      keys.push(key);
    }
    let results: unknown[] = values;
    for (const rule of rules) results = await rule.apply(results as Row[]);
    const sent = [];
    for (let i = 0; i < results.length; i++) {
      const result = results[i];
      if (result instanceof Drop || result instanceof Fault) continue;
      sent.push({ key: keys[i]!, value: wire(output.toBuffer(result)), partition });
    }
    return sent;
  },
});

async function table(file: string, topic: string, keyOf: (row: Row) => string): Promise<Map<string, Row>> {
  const { fields } = await readTopicSchema(flow.schemas, topic);
  const bytes = readFileSync(join(flow.folder, 'data', file));
  const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  const typed = compileCoerce(fields, { nullTexts: ['NA'] });
  const rows = new Map<string, Row>();
  for (const raw of parse(text, { columns: true }) as Row[]) {
    const row = typed(raw);
    rows.set(keyOf(row), row);
  }
  return rows;
}
