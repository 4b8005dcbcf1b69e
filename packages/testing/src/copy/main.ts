/**
 * `npm run copy [-- --source postgres-outbox --rows 100000 --writers 4 --kills 5]`: a table of PostgreSQL is copied by
 * each source while others write to it and the extractor is killed. On the servers of the environment, else on its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '@quadrille/devstack';
import { Fault } from '@quadrille/record';
import { copy } from './copy.ts';
import { readOptions } from './options.ts';

const USAGE = 64;
const tell = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  const runs = readOptions(process.argv.slice(2));
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-copy-'));
  const stack = await startStack({ dir: join(folder, 'stack'), onProgress: tell });
  try {
    for (const options of runs) {
      tell(`${options.way.type}: ${options.rows} rows, ${options.writers} writers, ${options.kills} kills`);
      process.stdout.write(`${JSON.stringify(await copy(options, stack))}\n`);
    }
  } finally {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
} catch (error) {
  tell(error instanceof Fault ? error.format() : String(error instanceof Error ? error.stack : error));
  process.exitCode = error instanceof Fault && error.code === 'CONFIG_INVALID' ? USAGE : 1;
}
