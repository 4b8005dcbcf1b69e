/** Numbers, times and ages as a person reads them. Machine output never passes through here. */

const GROUPED = new Intl.NumberFormat('en-US');

/** 1,234,567 */
export const count = (value: number): string => GROUPED.format(value);

/** Bytes as MB of 10^6. */
export const megabytes = (bytes: number): string => `${count(Math.round(bytes / 1e6))} MB`;

/** A span: 45s, 12m, 3h, 5d; the two largest units below ten of the first. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
  ] as const;
  for (const [index, [size, name]] of units.entries()) {
    if (seconds < size) continue;
    const whole = Math.floor(seconds / size);
    const [smaller, letter] = units[index + 1] ?? [1, 's'];
    const rest = Math.floor((seconds % size) / smaller);
    return whole < 10 && rest > 0 ? `${whole}${name}${rest}${letter}` : `${whole}${name}`;
  }
  return `${seconds}s`;
}

/** How long ago, undefined for what never was. */
export const age = (at: number | null | undefined, now = Date.now()): string | undefined =>
  at === null || at === undefined ? undefined : span(now - at);

/** Seconds with one decimal, for a total time. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** 14:03:07.512Z, for two moments of one run. */
export const clock = (at: number): string => new Date(at).toISOString().slice(11);

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Without control characters: they would let a payload steer the terminal. */
export const printable = (text: string): string =>
  text.replace(CONTROL, (char) => (char === '\n' || char === '\t' ? ' ' : '\ufffd'));
