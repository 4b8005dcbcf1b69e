/** Traces of a process, where they are asked for. Off, none of this is loaded but this file. */
import type { Log } from '../log.ts';
import type { Outgoing, Round } from '../round.ts';
import type { TraceSettings } from './settings.ts';

/** What traces a loop's rounds. None of these throws, and none changes a verdict. */
export interface RoundTraces {
  /** Verdicts stand, nothing is sent yet: sampled records get their spans, and their outputs the header `traceparent`. */
  judged(round: Round): void;
  /** It is committed. */
  settled(round: Round): void;
  /** It does not count; for one that was never judged nothing happens. */
  voided(round: Round): void;
}

/** Whose rounds these are. */
export interface RoundPlace {
  /** Topic read; of an extractor the topic written. */
  topic: string;
  /** undefined for extractors. */
  group: string | undefined;
  /** Whether an output with this header still fits its topic: a trace is never a reason to reject a record. */
  fits(topic: string, output: Outgoing): boolean;
}

/** What records are sent again, and to whom. */
export interface SendingAgain {
  topic: string;
  replay: string;
  /** On each span. */
  attributes: Record<string, string>;
  /** Whether a record with its header still fits its topic. */
  fits(record: Outgoing): boolean;
}

export interface Traces {
  rounds(place: RoundPlace): RoundTraces;
  /**
   * Spans for those of the records whose way was traced before, each linked to it, and for a share of the others. Replaces
   * their headers `traceparent`.
   * @returns what to call once they are acknowledged, or with the reason why they are not.
   */
  sending(about: SendingAgain, records: readonly Outgoing[]): (error?: unknown) => void;
  /** Sends what is left, for at most 3 s. */
  close(): Promise<void>;
}

/** Who the spans are of: OpenTelemetry's service. */
export interface TracedService {
  /** `<flow>.<station>`; OTEL_SERVICE_NAME comes before it. */
  name: string;
  instance: string;
  version: string;
  /** On every span. */
  attributes: Record<string, string>;
}

export async function openTraces(
  settings: TraceSettings | undefined,
  service: TracedService,
  log: Log,
): Promise<Traces | undefined> {
  if (settings === undefined) return undefined;
  const { OtelTraces } = await import('./otel.ts');
  return new OtelTraces(settings, service, log);
}
