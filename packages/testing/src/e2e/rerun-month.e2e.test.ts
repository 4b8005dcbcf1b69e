/** docs/how-to/rerun-after-a-rule-fix.md as a reader types it: a rule was wrong for a month, and is mended. */
import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { DeadLetter, FlowReconciliation, Replay } from '@quadrille/replay/api';
import { guardAgainstLeaks, noServers, ROOT, until } from '../harness/index.ts';
import { FlightsProject } from './flights-project.ts';

guardAgainstLeaks();

/** Of each of the two months. */
const FLIGHTS = 1_000;
const RIGHT = "when dep_delay < 15 then 'on_time'";
const WRONG = `${RIGHT}\n    when month = 2 and dep_delay < 30 then 'on_time'`;
const WHERE = 'month = 2 and dep_delay between 15 and 29';

type Row = Record<string, unknown>;

const isBetween = ({ dep_delay }: Row): boolean => Number(dep_delay) >= 15 && Number(dep_delay) <= 29;
/** The month is in the id alone: the table has instants. */
const isAffected = ([id, row]: [string, Row]): boolean => id.startsWith('2013-2-') && isBetween(row);
/** Without the columns about how the row came to be. */
const factsOf = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([column]) => column !== 'xmin' && !/^_(?!id$)/.test(column)));

test('a delay class was wrong for a month: mended, and the records concerned run again, their rows change and no others', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await FlightsProject.make();
  const { name, flow, folder } = project;
  for (const month of ['01', '02'])
    await some(project, `flights-2013-${month}.csv.gz`, (lines) => lines.slice(0, FLIGHTS));
  await some(project, 'weather.csv.gz', (lines) => lines.filter((line) => /2013-0[12]-0[1-3]T/.test(line)));
  // A copy, since it is changed.
  const rules = join(folder, flow, 'rules');
  await rm(rules);
  await cp(join(ROOT, 'flows/flights/rules'), rules, { recursive: true });
  await project.edit(`${flow}/rules/delay.sql`, (text) => text.replace(RIGHT, WRONG));
  const first = await project.type('up', flow, '--exit-when-drained');
  assert.equal(first.code, 0, first.out + first.err);
  const before = await project.rows();
  const affected = new Map([...before].filter(isAffected));
  assert.ok(affected.size > 50, `${affected.size} rows`);
  for (const [id, row] of before)
    if (isBetween(row)) assert.equal(row.delay_class, affected.has(id) ? 'on_time' : 'late', id);

  await project.edit(`${flow}/rules/delay.sql`, (text) => text.replace(WRONG, RIGHT));
  const up = project.start('up', flow);
  await up.says(/stations started/);
  const letters = await until('dead letters taken in', async () => {
    const found = await project.json<DeadLetter[]>('dlq', 'list', '--limit', '1000');
    return found.length > 0 ? found : undefined;
  });
  // Flights to unknown airports had passed the station that was wrong: they are run again, and fail again further down.
  const preview = await project.type('replay', 'start', name, 'qualify', '--where', WHERE);
  assert.equal(preview.code, 0, preview.out + preview.err);
  assert.match(preview.err, /nothing was sent; --execute does it/);
  const [, records] = /^([\d,]+) records to \S+\.qualify through replay\./m.exec(preview.out) ?? [];
  const concerned = Number(records?.replaceAll(',', ''));
  assert.ok(concerned >= affected.size, preview.out);
  assert.deepEqual(await project.rows(), before, 'a dry run writes nothing');

  const reason = '15 to 29 minutes are late';
  const rerun = await project.type(
    'replay',
    'start',
    name,
    'qualify',
    '--where',
    WHERE,
    '--reason',
    reason,
    '--execute',
  );
  assert.equal(rerun.code, 0, rerun.out + rerun.err);
  assert.match(rerun.out, new RegExp(`re-run of ${records} done: ${records} passed, 0 failed again`));
  const [replay] = await project.json<Replay[]>('replay', 'list', '--limit', '1');
  assert.deepEqual(
    [replay!.kind, replay!.reason, replay!.outcomes],
    [
      'rerun',
      reason,
      { ...(concerned > affected.size && { rejected: concerned - affected.size }), written: affected.size },
    ],
  );

  const after = await project.rows();
  assert.equal(after.size, before.size);
  for (const [id, row] of after) {
    const former = before.get(id)!;
    if (!affected.has(id)) {
      assert.deepEqual(row, former, `${id} was touched`);
      continue;
    }
    assert.equal(row.delay_class, 'late', id);
    assert.equal(Number(row._revision), replay!.revision, id);
    assert.ok(replay!.revision > Number(former._revision), id);
    assert.deepEqual(factsOf({ ...row, delay_class: 'on_time' }), factsOf(former), `${id}: only the class is another`);
  }
  const again = await project.json<DeadLetter[]>('dlq', 'list', '--limit', '1000');
  assert.deepEqual(again.map(({ id }) => id).sort(), letters.map(({ id }) => id).sort(), 'no dead letter more');
  assert.equal(again.filter(({ attempts }) => attempts === 2).length, concerned - affected.size);
  const books = await project.json<FlowReconciliation>('flow', 'reconcile');
  assert.deepEqual([books.balanced, books.unaccounted], [true, 0]);
  assert.equal((await project.type('down')).code, 0);
  assert.equal((await up.ended).code, 0);
});

/** Gives the project a file of the flow's data with some of its lines. */
async function some({ folder, flow }: FlightsProject, file: string, of: (lines: string[]) => string[]): Promise<void> {
  const whole = gunzipSync(await readFile(join(ROOT, 'flows/flights/data', file))).toString('utf8');
  const [header, ...lines] = whole.trim().split('\n') as [string, ...string[]];
  const into = join(folder, flow, 'data', file);
  // It may be a link to the whole one.
  await rm(into, { force: true });
  await writeFile(into, gzipSync(`${[header, ...of(lines)].join('\n')}\n`));
}
