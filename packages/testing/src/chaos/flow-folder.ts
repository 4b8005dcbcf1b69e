/** The flow `flights` in a folder of its own: the same rules, schemas and data, smaller rounds, perhaps fewer months. */
import { globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const FLIGHTS = join(ROOT, 'flows', 'flights');

/**
 * @param records a round of `stations` takes at most: the smaller, the longer the year takes and the more moments there
 * are between the steps of a settle.
 * @param months pattern of the files of flights.
 */
export function makeFlowFolder(
  folder: string,
  { stations, records, months }: { stations: readonly string[]; records: number; months: string },
): string {
  mkdirSync(join(folder, 'data'), { recursive: true });
  // The rules' own imports are resolved from where they really are.
  symlinkSync(join(FLIGHTS, 'rules'), join(folder, 'rules'));
  symlinkSync(join(ROOT, 'schemas'), join(folder, 'schemas'));
  const reference = globSync('*.csv*', { cwd: join(FLIGHTS, 'data') }).filter((file) => !file.startsWith('flights-'));
  for (const file of [...reference, ...globSync(months, { cwd: join(FLIGHTS, 'data') })])
    symlinkSync(join(FLIGHTS, 'data', file), join(folder, 'data', file));
  const text = readFileSync(join(FLIGHTS, 'flow.yaml'), 'utf8');
  writeFileSync(join(folder, 'flow.yaml'), withRounds(text, stations, records));
  return folder;
}

/** Adds `round` to these stations. @throws when a station has one: there would be two. */
export function withRounds(text: string, stations: readonly string[], records: number): string {
  if (/^ {4}round:/m.test(text)) throw new Error('the flow file has rounds of its own');
  return text.replace(/^ {2}([a-z][a-z0-9-]*):$/gm, (line, name: string) =>
    stations.includes(name) ? `${line}\n    round: { records: ${records} }` : line,
  );
}
