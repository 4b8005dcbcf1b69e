/** The folder `flows` with the flights of some months alone. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../harness/index.ts';

/** @param months `01` and so on. */
export async function flightsOf(months: readonly string[]): Promise<AsyncDisposable & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-flows-'));
  await cp(join(ROOT, 'flows/flights'), join(folder, 'flights'), { recursive: true });
  const data = join(folder, 'flights/data');
  for (const file of await readdir(data)) {
    const month = /^flights-2013-(\d\d)/.exec(file)?.[1];
    if (month !== undefined && !months.includes(month)) await rm(join(data, file));
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
