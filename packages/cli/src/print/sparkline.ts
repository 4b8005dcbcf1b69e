/** Small figures in a line of a table. */
const BARS = '▁▂▃▄▅▆▇█';

/** One character a number, by its share of the largest; a blank for none. */
export function sparkline(numbers: readonly number[]): string {
  const most = Math.max(0, ...numbers);
  return numbers.map((n) => (n <= 0 ? ' ' : BARS[Math.ceil((n / most) * BARS.length) - 1]!)).join('');
}
