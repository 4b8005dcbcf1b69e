/** The figures of a benchmark run as a table: medians, and ratios against the floor of the same run. */
import type { Run, Variant } from './chain.ts';

const NAMES: Record<Variant, string> = {
  floor: 'floor: bare kafkajs + avsc + pg',
  bare: 'Quadrille, ledger and metrics off',
  full: 'Quadrille, everything on',
};

export function report(runs: readonly Run[], records: number): string {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  const floor = median(runs.filter(({ variant }) => variant === 'floor').map(({ rate }) => rate));
  const lines = [
    '| three chained stations, the year | records/s | of the floor | CPU s | µs a record | with start-up | whole machine, µs | largest process |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const variant of variants) {
    const own = runs.filter((run) => run.variant === variant);
    const rate = median(own.map((run) => run.rate));
    const cpu = median(own.map((run) => sum(run.processes.map((p) => p.working))));
    const whole = median(own.map((run) => sum(run.processes.map((p) => p.cpu))));
    const machine = median(own.map((run) => run.machine));
    const rss = Math.max(...own.flatMap((run) => run.processes.map((p) => p.rss)));
    const ratio = floor > 0 ? `${Math.round((100 * rate) / floor)} %` : '';
    lines.push(
      `| ${NAMES[variant]} | ${Math.round(rate).toLocaleString('en')} | ${ratio} | ${cpu.toFixed(1)} | ${((cpu * 1e6) / records).toFixed(1)} | ${((whole * 1e6) / records).toFixed(1)} | ${((machine * 1e6) / records).toFixed(1)} | ${Math.round(rss)} MB |`,
    );
  }
  lines.push('', '| CPU µs a record of its input | qualify | locate | warehouse |', '|---|---:|---:|---:|');
  for (const variant of variants) {
    const own = runs.filter((run) => run.variant === variant);
    const cells = [0, 1, 2].map((i) =>
      ((median(own.map((run) => run.processes[i]!.working)) * 1e6) / records).toFixed(1),
    );
    lines.push(`| ${NAMES[variant]} | ${cells.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
