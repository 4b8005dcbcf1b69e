/**
 * The spans of a station. A record whose way is traced has one span at each station, in one trace; a round that holds
 * such records has a span of its own, with its judging and its settling below it. Names and attributes after the
 * semantic conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/). Never key, id or value.
 */
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { Fault, HEADER, InputRecord, originOffset } from '@quadrille/record';
import { DROP, type Outgoing, PASS, REJECT, type Round, type Slice } from '../round.ts';
import { OUTCOMES } from '../settle.ts';
import { formatTraceparent, TRACEPARENT, type TraceContext, traceOf } from './traceparent.ts';
import type { RoundPlace, RoundTraces, TracedService } from './traces.ts';

interface Open {
  span: Span;
  context: Context;
  records: Span[];
}

/** A round's clock (performance.now()) as a time of day. */
const timeOf = (at: number): number => performance.timeOrigin + at;

export class RoundSpans implements RoundTraces {
  private readonly tracer: Tracer;
  private readonly service: TracedService;
  private readonly place: RoundPlace;
  private readonly isChosen: () => boolean;
  private readonly open = new WeakMap<Round, Open>();
  private readonly extracts: boolean;

  /** @param isChosen whether a record that enters here is traced. */
  constructor(tracer: Tracer, service: TracedService, place: RoundPlace, isChosen: () => boolean) {
    this.tracer = tracer;
    this.service = service;
    this.place = place;
    this.isChosen = isChosen;
    this.extracts = place.group === undefined;
  }

  judged(round: Round): void {
    const records: Span[] = [];
    for (const slice of round.slices) this.trace(slice, round, records);
    if (records.length === 0) return;
    const operation = this.extracts ? 'send' : 'process';
    const span = this.tracer.startSpan(
      `${this.extracts ? 'send' : 'round'} ${this.place.topic}`,
      {
        kind: this.extracts ? SpanKind.PRODUCER : SpanKind.CONSUMER,
        root: true,
        startTime: timeOf(round.startedAt),
        attributes: { ...this.attributes('round', operation), 'messaging.batch.message_count': round.records },
        links: records.map((each) => ({ context: each.spanContext() })),
      },
      ROOT_CONTEXT,
    );
    for (const each of records) each.addLink({ context: span.spanContext() });
    this.open.set(round, { span, context: trace.setSpan(ROOT_CONTEXT, span), records });
  }

  settled(round: Round): void {
    const now = performance.now();
    const open = this.open.get(round);
    if (open === undefined) return;
    const { startedAt, judgedAt = now, settlingAt = judgedAt } = round;
    this.below(open, 'judge', startedAt, judgedAt);
    this.below(open, 'settle', settlingAt, now);
    for (const span of [...open.records, open.span]) span.end(timeOf(now));
  }

  voided(round: Round): void {
    const open = this.open.get(round);
    if (open === undefined) return;
    for (const span of [...open.records, open.span]) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'ownership changed: another instance does it again' });
      span.end();
    }
  }

  private below({ context }: Open, name: string, from: number, to: number): void {
    const attributes = this.service.attributes;
    this.tracer.startSpan(name, { startTime: timeOf(from), attributes }, context).end(timeOf(to));
  }

  /** A span for each record of a slice whose way is traced; its outputs and its dead letter say so. */
  private trace(slice: Slice, round: Round, spans: Span[]): void {
    const traced = new Map<number, Span>();
    for (let index = 0; index < slice.records.length; index++) {
      const record = slice.records[index]!;
      const parent = traceOf(record);
      // What has no header of ours enters the flow here.
      if (parent === undefined && (!(this.extracts || record.header === undefined) || !this.isChosen())) continue;
      const span = this.spanOf(record, parent, round);
      describe(span, slice, index);
      traced.set(record.offset, span);
      spans.push(span);
      // Others keep their headers as they came (invariant 4); a raw item has none yet.
      if (this.extracts && slice.verdicts[index] === REJECT) slice.records[index] = withTrace(record, span);
    }
    if (traced.size === 0) return;
    for (const [topic, outputs] of slice.outputs)
      for (const output of outputs) {
        const span = traced.get(originOffset(output.headers[HEADER] as Buffer));
        if (span !== undefined) this.mark(topic, output, span);
      }
  }

  private spanOf(record: InputRecord, parent: TraceContext | undefined, round: Round): Span {
    const name = this.extracts ? 'create' : 'process';
    const attributes = {
      ...this.attributes(name, name),
      'messaging.destination.partition.id': String(record.partition),
      ...(this.extracts ? {} : { 'messaging.kafka.offset': record.offset }),
    };
    const kind = this.extracts ? SpanKind.PRODUCER : SpanKind.CONSUMER;
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const options = { kind, startTime: timeOf(round.startedAt), attributes };
    return this.tracer.startSpan(`${name} ${this.place.topic}`, options, context);
  }

  private attributes(name: string, type: string): Attributes {
    const { topic, group } = this.place;
    return {
      ...this.service.attributes,
      'messaging.system': 'kafka',
      'messaging.operation.name': name,
      'messaging.operation.type': type,
      'messaging.destination.name': topic,
      ...(group === undefined ? {} : { 'messaging.consumer.group.name': group }),
    };
  }

  private mark(topic: string, output: Outgoing, span: Span): void {
    const before = output.headers[TRACEPARENT];
    output.headers[TRACEPARENT] = formatTraceparent(span.spanContext());
    if (before !== undefined || this.place.fits(topic, output)) return;
    delete output.headers[TRACEPARENT];
  }
}

/** What became of it: by code, since messages of faults may hold values. */
function describe(span: Span, slice: Slice, index: number): void {
  const verdict = slice.verdicts[index];
  const reason = slice.reasons.get(index);
  if (verdict === PASS) {
    span.setAttribute('quadrille.verdict', 'pass');
    if (slice.outcomes !== null) span.setAttribute('quadrille.outcome', OUTCOMES[slice.outcomes[index]!]!);
  } else if (verdict === DROP) {
    span.setAttributes({ 'quadrille.verdict': 'drop', 'quadrille.code': String(reason) });
  } else if (verdict === REJECT && reason instanceof Fault) {
    span.setAttributes({ 'quadrille.verdict': 'reject', 'quadrille.code': reason.code, 'error.type': reason.code });
    span.setStatus({ code: SpanStatusCode.ERROR, message: reason.code });
  }
}

function withTrace(record: InputRecord, span: Span): InputRecord {
  const { topic, partition, offset, timestamp, key, bytes, header, headers } = record;
  const all = { ...headers, [TRACEPARENT]: formatTraceparent(span.spanContext()) };
  return new InputRecord(topic, partition, offset, timestamp, key, bytes, header, all);
}
