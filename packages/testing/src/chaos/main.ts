/**
 * `npm run chaos`: kills, stops and wakes stations and servers while a year of flights runs through them, and proves
 * that nothing is lost and nothing stands twice. docs/how-to/run-chaos.md
 */
import { Fault } from '@quadrille/record';
import { chaos } from './chaos.ts';
import { commandOf, readOptions } from './options.ts';

const USAGE = 64;

try {
  const options = readOptions(process.argv.slice(2));
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  tell(`seed ${options.seed}   (${commandOf(options, options.seed)})`);
  const reports = await chaos(options, tell, (report, text) => {
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${text}\n`);
  });
  process.exitCode = reports.every(({ ok }) => ok) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Fault ? error.format() : error instanceof Error ? error.stack : error}\n`);
  process.exitCode = error instanceof Fault && error.code === 'CONFIG_INVALID' ? USAGE : 1;
}
