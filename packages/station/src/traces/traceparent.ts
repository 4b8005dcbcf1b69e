/** The header `traceparent` (https://www.w3.org/TR/trace-context/): only on records whose way is traced. */
import type { InputRecord } from '@quadrille/record';

export const TRACEPARENT = 'traceparent';
const FORM = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/;
const SAMPLED = 1;

/** As OpenTelemetry's SpanContext, so that it can be one. */
export interface TraceContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
  isRemote: true;
}

/** What a header says. @returns undefined where there is none, or one that nobody wrote by the book, or not sampled. */
export function parseTraceparent(header: unknown): TraceContext | undefined {
  if (header === undefined || header === null) return undefined;
  const [, traceId, spanId, flags] = FORM.exec(String(header)) ?? [];
  if (traceId === undefined || /^0*$/.test(traceId) || /^0*$/.test(spanId!)) return undefined;
  const traceFlags = Number.parseInt(flags!, 16);
  return (traceFlags & SAMPLED) === 0 ? undefined : { traceId, spanId: spanId!, traceFlags, isRemote: true };
}

/** The context a record came with, when its way is traced. */
export const traceOf = ({ headers }: InputRecord): TraceContext | undefined =>
  headers === undefined ? undefined : parseTraceparent(headers[TRACEPARENT]);

export const formatTraceparent = ({ traceId, spanId }: { traceId: string; spanId: string }): Buffer =>
  Buffer.from(`00-${traceId}-${spanId}-01`);
