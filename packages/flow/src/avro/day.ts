/** Days since 1970-01-01 and their ISO text, by arithmetic (Howard Hinnant, "chrono-compatible low-level date algorithms"). */

const formatted = new Map<number, string>();
const KEPT = 20_000;

/** Days since the epoch of a proleptic Gregorian date. Any integers; the month from 1. */
export function dayOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** `YYYY-MM-DD`; years beyond 9999 and before 0 with a sign and six digits, as in ISO 8601 and JavaScript. */
export function formatDay(days: number): string {
  let text = formatted.get(days);
  if (text === undefined) {
    text = new Date(days * 86_400_000).toISOString().replace(/T.*$/, '');
    if (formatted.size >= KEPT) formatted.clear();
    formatted.set(days, text);
  }
  return text;
}

const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

export const daysOfMonth = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : (LENGTHS[month - 1] ?? 0);

/** Days since the epoch of `YYYY-MM-DD`; undefined when it is no date of the calendar. */
export function parseDay(text: string): number | undefined {
  if (text.length !== 10 || text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined;
  return dayOf(year, month, day);
}

/** The number that ASCII digits make; -1 when one of them is none, or there are none. */
export function digits(text: string, from: number, to: number): number {
  if (from >= to || to > text.length) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
