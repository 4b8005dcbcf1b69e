import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { HEADER, InputRecord, packHeader } from '@quadrille/record';
import { DROP, PASS, REJECT, Slice } from '../round.ts';
import { outputOf, roundOf } from '../test-round.ts';
import { RoundSpans } from './round-spans.ts';
import { parseTraceparent } from './traceparent.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SAMPLED = Buffer.from(`00-${TRACE}-b7ad6b7169203331-01`);
const UNSAMPLED = Buffer.from(`00-${TRACE}-b7ad6b7169203331-00`);
const OURS = packHeader({ id: 'k', version: 1n, revision: 0, extractedAt: 1, from: undefined }, true);

/** A record of a station before, or with `foreign` of another system. */
const record = (offset: number, traceparent?: Buffer, foreign = false): InputRecord => {
  const header = foreign ? undefined : OURS;
  const headers = traceparent === undefined ? undefined : { traceparent, ...(header && { [HEADER]: header }) };
  return new InputRecord('in', 3, offset, 1, Buffer.from(`k${offset}`), Buffer.of(1), header, headers);
};

function slice(records: InputRecord[], verdicts: number[]): Slice {
  const made = new Slice('in', 3, records[0]!.offset, records, false);
  made.verdicts = Uint8Array.from(verdicts);
  for (let i = 0; i < records.length; i++) if (verdicts[i] === PASS) made.emit('out', outputOf(records[i]!.offset));
  return made;
}

function station(options: { extracts?: boolean; chosen?: boolean; fits?: boolean } = {}) {
  const { extracts = false, chosen = false, fits = true } = options;
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const service = { name: 'f.s', instance: 'i', version: '1', attributes: { 'quadrille.station': 's' } };
  const place = { topic: 'in', group: extracts ? undefined : 'f.s', fits: () => fits };
  const rounds = new RoundSpans(provider.getTracer('test'), service, place, () => chosen);
  return { rounds, spans: () => exporter.getFinishedSpans() };
}

const tracesOf = (made: Slice): (string | undefined)[] =>
  made.outputs.get('out')!.map(({ headers }) => parseTraceparent(headers.traceparent)?.traceId);

test('a round without a traced record has no span, and its outputs no header', () => {
  const { rounds, spans } = station();
  const round = roundOf(slice([record(10), record(11, UNSAMPLED)], [PASS, PASS]));
  rounds.judged(round);
  rounds.settled(round);
  assert.deepEqual(spans(), []);
  assert.deepEqual(tracesOf(round.slices[0]!), [undefined, undefined]);
});

test('only the outputs of a traced record go on with its trace', () => {
  const { rounds, spans } = station({ chosen: true });
  const round = roundOf(slice([record(10), record(11, SAMPLED), record(12)], [PASS, PASS, DROP]));
  rounds.judged(round);
  rounds.settled(round);
  assert.deepEqual(
    tracesOf(round.slices[0]!),
    [undefined, TRACE],
    'a record of ours was chosen where it came in, or not',
  );
  const span = spans().find(({ name }) => name === 'process in')!;
  assert.equal(span.parentSpanContext?.spanId, 'b7ad6b7169203331');
  assert.equal(span.attributes['messaging.kafka.offset'], 11);
});

test('a record of another system enters here, and may be chosen here', () => {
  for (const chosen of [true, false]) {
    const { rounds, spans } = station({ chosen });
    const round = roundOf(slice([record(10, undefined, true)], [PASS]));
    rounds.judged(round);
    rounds.settled(round);
    assert.equal(spans().length > 0, chosen);
    assert.equal(tracesOf(round.slices[0]!)[0] !== undefined, chosen);
  }
});

test('a new header is left out where the output would not fit its topic with it; the span is there', () => {
  const { rounds, spans } = station({ extracts: true, chosen: true, fits: false });
  const round = roundOf(slice([record(10)], [PASS]));
  rounds.judged(round);
  rounds.settled(round);
  assert.deepEqual(tracesOf(round.slices[0]!), [undefined]);
  assert.ok(spans().length > 0);
});

test('a dead letter keeps the headers it came with; that of a raw item tells its trace', () => {
  const came = station();
  const given = roundOf(slice([record(10, SAMPLED)], [REJECT]));
  came.rounds.judged(given);
  assert.equal(given.slices[0]!.records[0]!.headers!.traceparent, SAMPLED);
  const extractor = station({ extracts: true, chosen: true });
  const raw = roundOf(slice([record(10)], [REJECT]));
  extractor.rounds.judged(raw);
  assert.notEqual(parseTraceparent(raw.slices[0]!.records[0]!.headers?.traceparent), undefined);
});

test('a void round says so', () => {
  const { rounds, spans } = station();
  const round = roundOf(slice([record(10, SAMPLED)], [PASS]));
  rounds.judged(round);
  rounds.voided(round);
  assert.ok(spans().every(({ status }) => status.code === 2) && spans().length === 2);
});
