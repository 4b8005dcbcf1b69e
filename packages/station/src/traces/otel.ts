/** Traces by OpenTelemetry's SDK, sent as OTLP over HTTP. Loaded only where they are asked for. */
import {
  type Attributes,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Log } from '../log.ts';
import type { Outgoing } from '../round.ts';
import { RoundSpans } from './round-spans.ts';
import type { TraceSettings } from './settings.ts';
import { formatTraceparent, parseTraceparent, TRACEPARENT } from './traceparent.ts';
import type { RoundPlace, RoundTraces, SendingAgain, TracedService, Traces } from './traces.ts';

const CLOSE_MS = 3_000;
/** A collector that is away is named once in this time. */
const TELL_MS = 60_000;

export class OtelTraces implements Traces {
  private readonly provider: TracerProvider;
  private readonly tracer: Tracer;
  private readonly service: TracedService;
  private readonly ratio: number;

  constructor(settings: TraceSettings, service: TracedService, log: Log) {
    this.service = service;
    this.ratio = settings.ratio;
    tellIn(log);
    const { headers, queue, batch, delayMs, timeoutMs } = settings;
    const own = resourceFromAttributes({
      'service.name': service.name,
      'service.version': service.version,
      'service.instance.id': service.instance,
    });
    this.provider = new TracerProvider({
      // What is sampled is decided here, record by record, before there is a span.
      sampler: new AlwaysOnSampler(),
      resource: defaultResource()
        .merge(own)
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new OTLPTraceExporter({ headers }),
          maxQueueSize: queue,
          maxExportBatchSize: batch,
          scheduledDelayMillis: delayMs,
          exportTimeoutMillis: timeoutMs,
        }),
      ],
    });
    this.tracer = this.provider.getTracer('quadrille', service.version);
  }

  rounds(place: RoundPlace): RoundTraces {
    return new RoundSpans(this.tracer, this.service, place, () => this.isChosen());
  }

  sending(about: SendingAgain, records: readonly Outgoing[]): (error?: unknown) => void {
    const { topic, replay } = about;
    const spans = records.flatMap((record) => {
      const before = parseTraceparent(record.headers[TRACEPARENT]);
      if (before === undefined && !this.isChosen()) return [];
      const attributes: Attributes = {
        ...this.service.attributes,
        ...about.attributes,
        'messaging.system': 'kafka',
        'messaging.operation.name': 'replay',
        'messaging.operation.type': 'send',
        'messaging.destination.name': topic,
        'messaging.destination.partition.id': String(record.partition),
        'quadrille.replay': replay,
      };
      // A trace of its own: the original may be days old, and a record may be sent again many times.
      const links = before === undefined ? [] : [{ context: before }];
      const options = { kind: SpanKind.PRODUCER, root: true, attributes, links };
      const span = this.tracer.startSpan(`replay ${topic}`, options, ROOT_CONTEXT);
      record.headers[TRACEPARENT] = formatTraceparent(span.spanContext());
      if (before === undefined && !about.fits(record)) delete record.headers[TRACEPARENT];
      return [span];
    });
    return (error) => {
      for (const span of spans) {
        if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: 'not acknowledged' });
        span.end();
      }
    };
  }

  /** Whether the way of a record that enters here is traced. */
  private isChosen(): boolean {
    return this.ratio > 0 && Math.random() < this.ratio;
  }

  async close(): Promise<void> {
    const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
    await Promise.race([this.provider.shutdown().catch(() => {}), late]);
    diag.disable();
  }
}

/** What the SDK has to say, as our log says it. */
function tellIn(log: Log): void {
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (reason: string): void => {
    if (Date.now() - toldAt < TELL_MS) return;
    toldAt = Date.now();
    // Its words may hold headers or a body of somebody's answer.
    log.warn({ reason: reason.slice(0, 200) }, 'traces cannot be sent');
  };
  const silent = (): void => {};
  diag.setLogger(
    {
      error: (message) => tell(message),
      warn: (message) => tell(message),
      info: silent,
      debug: silent,
      verbose: silent,
    },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
