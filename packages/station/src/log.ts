/** Logs: JSON lines on stderr by pino, with flow, station, topic, partition, offset where they apply; never a payload. */
import { type Logger, pino } from 'pino';

export type Log = Logger;

/** A place as fields of a line: topic, partition and offset where it is one in a topic, otherwise as it stands. */
export function placeFields(place: string | undefined): Record<string, string | number> {
  if (place === undefined) return {};
  const [, topic, partition, offset] = /^([\w.-]+)\[(\d+)\](?:@(\d+))?$/.exec(place) ?? [];
  if (topic === undefined) return { place };
  return { topic, partition: Number(partition), ...(offset === undefined ? {} : { offset: Number(offset) }) };
}

/** A defect as the log tells it: where it happened, never its text, since databases and decoders quote values in theirs. */
export function defectOf(thrown: unknown): { error: string; code?: string; stack: string[] } {
  const error: Error & { code?: unknown } = thrown instanceof Error ? thrown : new Error();
  const { name, code, stack } = error;
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    error: name,
    ...(typeof code === 'string' ? { code } : {}),
    stack: frames.slice(0, 12).map((line) => line.trim()),
  };
}

export function createLog(bindings: Record<string, string>, level: string): Log {
  return pino(
    { level, base: bindings, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
