/**
 * Local times to UTC instants for rules: by arithmetic, with `Intl` asked once per zone and day.
 * Times that a day lacks (clocks going forward) count on from before the gap, times it has twice (clocks going back) are
 * the first of the two: "compatible" disambiguation as in RFC 5545, java.time and Temporal.
 */
import { dayOf } from './avro/day.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** A day of a zone: its offset from UTC before and after the one change it may have. */
interface ZoneDay {
  /** Milliseconds to add to UTC for local time. */
  before: number;
  after: number;
  /** The instant of the change; Infinity when there is none. */
  change: number;
}

const zones = new Map<string, Map<number, ZoneDay>>();
const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * The instant of a local time.
 * @param zone IANA name. @param day days since the epoch, see `dayOf`. @param minute of the day; 1440 is midnight at its end.
 * @returns ms since the epoch.
 * @throws RangeError when the zone is not known.
 */
export function instantOf(zone: string, day: number, minute: number): number {
  const whole = day + Math.floor(minute / 1440);
  const local = day * DAY + minute * MINUTE;
  const { before, after, change } = zoneDay(zone, whole);
  const early = local - before;
  const inGap = early >= change && early - change < after - before;
  return early < change || inGap ? early : local - after;
}

/** The local time of an instant, as if it were UTC: ms since the epoch of the wall clock. */
export function localOf(zone: string, instant: number): number {
  // The zone's day at UTC's date may have changed offset already; a day on either side is far enough.
  const guess = zoneDay(zone, Math.floor(instant / DAY));
  const local = instant + (instant < guess.change ? guess.before : guess.after);
  const { before, after, change } = zoneDay(zone, Math.floor(local / DAY));
  return instant + (instant < change ? before : after);
}

/** Minutes of the day that a number hhmm tells (517 is 05:17, 2400 is 1440); -1 when it tells none. */
export function minuteOf(hhmm: number): number {
  const hour = Math.floor(hhmm / 100);
  const minute = hhmm % 100;
  return hhmm < 0 || hhmm > 2400 || minute > 59 || !Number.isInteger(hhmm) ? -1 : hour * 60 + minute;
}

/**
 * The instant nearest to `expected` at which the clock of a zone shows a minute of the day.
 * @param expected ms since the epoch.
 */
export function nearestInstant(zone: string, expected: number, minute: number): number {
  const local = localOf(zone, expected);
  const shown = Math.floor(local / DAY) * DAY + minute * MINUTE;
  const days = Math.round((local - shown) / DAY);
  return instantOf(zone, Math.floor(local / DAY) + days, minute);
}

function zoneDay(zone: string, day: number): ZoneDay {
  let days = zones.get(zone);
  if (days === undefined) {
    days = new Map();
    zones.set(zone, days);
  }
  let found = days.get(day);
  if (found === undefined) {
    found = findZoneDay(zone, day);
    days.set(day, found);
  }
  return found;
}

/** Looks for a change of offset within the local day; a zone changes once a day at most. */
function findZoneDay(zone: string, day: number): ZoneDay {
  const start = day * DAY - offsetAt(zone, day * DAY - offsetAt(zone, day * DAY));
  const end = start + DAY + 3 * 60 * MINUTE;
  const before = offsetAt(zone, start);
  const after = offsetAt(zone, end);
  if (before === after) return { before, after, change: Infinity };
  let low = start;
  let high = end;
  while (high - low > MINUTE) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
    if (offsetAt(zone, middle) === before) low = middle;
    else high = middle;
  }
  return { before, after, change: high };
}

/** Milliseconds that a zone's clock is ahead of UTC at an instant. Slow: behind the cache only. */
function offsetAt(zone: string, instant: number): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return (
    dayOf(year, month, day) * DAY + ((hour * 60 + minute) * 60 + second) * 1000 - Math.floor(instant / 1000) * 1000
  );
}

export { dayOf };
