/**
 * `npm run webhook`: calls a webhook at a rate while its broker is killed and comes back, and proves that everything that was
 * answered with 202 is in the target once, and nothing else is. docs/how-to/read-from-http.md
 */
import { Fault } from '@quadrille/record';
import { readOptions } from './options.ts';
import { runWebhook, type WebhookReport } from './run.ts';

const USAGE = 64;
const tell = (line: string): void => void process.stderr.write(`${line}\n`);

function format(report: WebhookReport): string {
  const { calls, rate, seconds, latency, answers, taken, refused, rows, deadLetters, duplicates, problems } = report;
  const by = Object.entries(answers).map(([status, count]) => `${status === '0' ? 'none' : status} ${count}`);
  return [
    `${calls} calls, ${rate.toFixed(0)} begun a second, all answered after ${seconds.toFixed(1)} s`,
    `  answers: ${by.join(', ')}`,
    `  until the answer that stood: median ${latency.median.toFixed(0)} ms, 99 % ${latency.p99.toFixed(0)} ms, most ${latency.most.toFixed(0)} ms`,
    `  202: ${taken}, rows: ${rows}; 422: ${refused}, dead letters: ${deadLetters}; duplicates known to the ledger: ${duplicates}`,
    ...(report.ok
      ? ['  everything taken is there once, and nothing else is']
      : problems.map((problem) => `  FAILED: ${problem}`)),
  ].join('\n');
}

try {
  const options = readOptions(process.argv.slice(2));
  const report = await runWebhook(options, tell);
  process.stdout.write(`${options.json ? JSON.stringify(report) : format(report)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  tell(error instanceof Fault ? error.format() : String(error instanceof Error ? error.stack : error));
  process.exitCode = error instanceof Fault && error.code === 'CONFIG_INVALID' ? USAGE : 1;
}
