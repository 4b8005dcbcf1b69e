/** What a transformer keeps of the records before: duplicates by key, windows. Declared in the flow file, after the rules. */

export const AGGREGATES = ['count', 'sum', 'min', 'max', 'avg'] as const;
export type AggregateName = (typeof AGGREGATES)[number];

/** Of which field what is told; `count` has none. */
export interface Take {
  /** Field of the output. */
  field: string;
  aggregate: AggregateName;
  of: string | undefined;
}

interface InTime {
  /** Field with the event time; undefined: the record's timestamp. */
  time: string | undefined;
  /** An event time may be so far beyond the record's timestamp, ms. */
  aheadMs: number;
  /** At most so many keys are kept a partition. */
  keys: number;
}

export interface DedupeSpec extends InTime {
  /** Fields that make the key; undefined: the record's id. */
  by: readonly string[] | undefined;
  withinMs: number;
}

/** Tumbling: each event belongs to the one window of `everyMs` that its time falls into, counted from the epoch. */
export interface WindowSpec extends InTime {
  by: readonly string[];
  everyMs: number;
  /** A window stays open until an event is so much later than its end, ms. */
  latenessMs: number;
  /** What becomes of a record whose window is closed. */
  late: 'drop' | 'reject';
  /** Output fields for the window's first moment, and for the first one after it. */
  start: string | undefined;
  end: string | undefined;
  take: readonly Take[];
}

export interface StatefulSpec {
  dedupe: DedupeSpec | undefined;
  window: WindowSpec | undefined;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const DURATION = '^[1-9][0-9]{0,8}(ms|s|m|h|d)$';

/** `90s`, `15m`, `24h` in ms. */
export function durationOf(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) as RegExpExecArray;
  return Number(count) * (UNITS[unit as string] as number);
}

type Json = Record<string, unknown>;

/** @param entries of the transformer's list that are no files, valid by the schema. */
export function statefulOf(entries: readonly Json[]): StatefulSpec | undefined {
  if (entries.length === 0) return undefined;
  const one = (name: string): Json | undefined => entries.find((entry) => entry[name] !== undefined)?.[name] as Json;
  const [dedupe, window] = [one('dedupe'), one('window')];
  return {
    dedupe: dedupe && {
      ...inTime(dedupe, 100_000),
      by: dedupe.by === undefined ? undefined : ([dedupe.by].flat() as string[]),
      withinMs: durationOf(dedupe.within as string),
    },
    window: window && {
      ...inTime(window, 50_000),
      by: [window.by].flat() as string[],
      everyMs: durationOf(window.every as string),
      latenessMs: window.lateness === undefined ? 0 : durationOf(window.lateness as string),
      late: (window.late ?? 'drop') as 'drop' | 'reject',
      start: window.start as string | undefined,
      end: window.end as string | undefined,
      take: Object.entries(window.take as Record<string, 'count' | Json>).map(([field, what]) => {
        const [aggregate, of] = what === 'count' ? ['count', undefined] : (Object.entries(what)[0] as [string, string]);
        return { field, aggregate: aggregate as AggregateName, of };
      }),
    },
  };
}

const inTime = ({ time, ahead, keys }: Json, most: number): InTime => ({
  time: time as string | undefined,
  aheadMs: durationOf((ahead as string | undefined) ?? '1d'),
  keys: (keys as number | undefined) ?? most,
});
