/**
 * Records a second through the codec, to run by hand: `node packages/flow/src/avro/codec.bench.ts`.
 * The floor is avsc alone with the same schema, unions unwrapped, no logical types.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import avsc from 'avsc';
import { Decoder, Encoder } from './codec.ts';
import { typeOf } from './type.ts';

const root = new URL('../../../../', import.meta.url);
const schema = JSON.parse(readFileSync(new URL('schemas/flights.reported.avsc', root), 'utf8'));
const [header, ...lines] = gunzipSync(readFileSync(new URL('flows/flights/data/flights-2013-01.csv.gz', root)))
  .toString()
  .trim()
  .split('\n');
const names = (header as string).split(',');
const texts = new Set(['carrier', 'tailnum', 'origin', 'dest']);
const records = lines.map((line) =>
  Object.fromEntries(
    line.split(',').map((text, i) => {
      const name = names[i] as string;
      if (text === 'NA') return [name, null];
      return [name, name === 'time_hour' ? Date.parse(text) : texts.has(name) ? text : Number(text)];
    }),
  ),
);
const type = typeOf(schema);
const encoder = new Encoder(type, 7);
const wire = records.map((record) => encoder.encode(record));
const decoder = new Decoder(type, async () => schema);
await decoder.prepare(7);
const older = { ...schema, fields: [...schema.fields, { name: 'gone', type: ['null', 'string'], default: null }] };
const olderWire = records.map(
  (
    (e) => (record: object) =>
      e.encode({ ...record, gone: 'x' })
  )(new Encoder(typeOf(older), 8)),
);
const resolving = new Decoder(type, async () => older);
await resolving.prepare(8);
const plain = avsc.Type.forSchema(schema, { wrapUnions: 'never', omitRecordMethods: true });

console.log(
  `${records.length} records of ${Math.round(wire.reduce((sum, bytes) => sum + bytes.length, 0) / wire.length)} bytes`,
);
measure('decode', wire, (bytes) => decoder.decode(bytes));
measure('decode, another writer', olderWire, (bytes) => resolving.decode(bytes));
measure('decode, floor', wire, (bytes) => plain.decode(bytes, 5));
measure('encode', records, (record) => encoder.encode(record));
measure('encode, floor', records, (record) => plain.toBuffer(record));

function measure<T>(name: string, items: T[], one: (item: T) => unknown): void {
  let start = 0;
  for (let pass = 0; pass < 25; pass++) {
    if (pass === 5) start = performance.now();
    for (const item of items) one(item);
  }
  const perSecond = (items.length * 20 * 1000) / (performance.now() - start);
  console.log(`${name.padEnd(24)} ${Math.round(perSecond / 1000)} k records/s`);
}
