/**
 * `npm run chaos`: kills, stops and wakes stations and servers while a year of flights runs through them, and proves
 * that nothing is lost and nothing stands twice. docs/how-to/run-chaos.md
 */
import { Fault } from '@quadrille/record';
import { Chaos } from './chaos.ts';
import { commandOf, readOptions } from './options.ts';

const USAGE = 64;

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  const options = readOptions(process.argv.slice(2));
  tell(`seed ${options.seed}   (${commandOf(options, options.seed)})`);
  const chaos = new Chaos(options, tell);
  tell(`logs and state in ${chaos.folder}`);
  let failed = false;
  for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
    const { report, text } = await chaos.run(options, seed);
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${text}\n`);
    failed ||= !report.ok;
  }
  if (!failed && !options.keep) chaos.remove();
  process.exitCode = failed ? 1 : 0;
} catch (error) {
  tell(error instanceof Fault ? error.format() : String(error instanceof Error ? error.stack : error));
  process.exitCode = error instanceof Fault && error.code === 'CONFIG_INVALID' ? USAGE : 1;
}
