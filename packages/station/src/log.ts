/** Logs: JSON lines on stderr by pino, with station, topic, partition, offset; never a payload. */
import { type Logger, pino } from 'pino';

export type Log = Logger;

export function createLog(bindings: Record<string, string>, level: string): Log {
  return pino(
    { level, base: bindings, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
