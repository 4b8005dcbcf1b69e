/** docs/tutorial/run-and-fix.md as a reader types it, on fewer flights. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { replayGroup, replayTopic } from '@quadrille/record';
import type {
  AuditEntry,
  DeadLetter,
  DeadLetterDetail,
  DeadLetterGroup,
  FlowReconciliation,
  Replay,
  Trace,
} from '@quadrille/replay/api';
import { Clients, givenAddresses, guardAgainstLeaks, noServers, ROOT, until } from '../harness/index.ts';
import { FlightsProject, MISSING } from './flights-project.ts';

guardAgainstLeaks();

type Books = Omit<FlowReconciliation, 'stations'> & { stations: Record<string, { received: number }> };

test('run and fix: four airports are missing, are added, and every dead letter is resolved', {
  skip: noServers,
  timeout: 300_000,
}, async () => {
  await using project = await FlightsProject.make();
  const { name, flow } = project;
  const page = await readFile(join(ROOT, 'docs/tutorial/run-and-fix.md'), 'utf8');
  const books = (): Promise<Books> => project.json('flow', 'reconcile');

  const up = project.start('up', flow);
  await up.says(/reported [\d,]+ \([^)]*exhausted/);
  await until('all judged', async () => {
    const { drained, stations } = await books();
    return drained && stations.warehouse!.received > 0;
  });

  const groups = await until('all dead letters', async () => {
    const found = await project.json<DeadLetterGroup[]>('dlq', 'groups');
    const { stations } = await project.json<{ stations: Record<string, { rejected: number }> }>('flow', 'reconcile');
    return found.reduce((sum, { count }) => sum + count, 0) === stations.locate!.rejected ? found : undefined;
  });
  assert.deepEqual(
    groups.map(({ code, field, station, attempts }) => [code, field, station, attempts]),
    [['LOOKUP_MISSING', 'dest', 'locate', 1]],
  );
  const [{ count }] = groups as [DeadLetterGroup];
  assert.ok(count > 50, `${count} dead letters`);
  const exported = await project.type('dlq', 'export', '--code', 'LOOKUP_MISSING');
  const dests = exported.out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { value: { dest: string } }).value.dest);
  assert.equal(dests.length, count);
  assert.deepEqual([...new Set(dests)].sort(), MISSING);

  const [letter] = await project.json<DeadLetter[]>('dlq', 'list', '--limit', '1');
  const shown = await project.json<DeadLetterDetail>('dlq', 'show', letter!.id);
  assert.ok(MISSING.includes((shown.value as { dest: string }).dest));
  const before = await project.rows();

  const tooEarly = await project.type('dlq', 'replay', '--code', 'LOOKUP_MISSING');
  assert.equal(tooEarly.code, 3, tooEarly.err);
  assert.match(tooEarly.out, new RegExp(`dry run of ${count} done: 0 passed, ${count} failed again`));

  const [, csv] = /airports-caribbean\.csv`:\n\n```csv\n([\s\S]*?)```/.exec(page) ?? [];
  await writeFile(join(project.folder, flow, 'data/airports-caribbean.csv'), csv!);
  await until('four airports more', async () => (await books()).stations.airports?.received === 1_458 + 4);

  const preview = await project.type('dlq', 'replay', '--code', 'LOOKUP_MISSING');
  assert.equal(preview.code, 0, preview.err);
  assert.match(preview.out, new RegExp(`dry run of ${count} done: ${count} passed, 0 failed again`));
  assert.equal((await books()).deadLetters.open, count, 'a dry run resolves nothing');
  assert.deepEqual(await project.rows(), before, 'and writes nothing');

  const command = /^quadrille (dlq replay .*--execute)$/m.exec(page)?.[1] ?? '';
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
  const replayed = await project.type(...words);
  assert.equal(replayed.code, 0, replayed.err);
  assert.match(replayed.out, new RegExp(`${count} passed, 0 failed again; further down ${count} written`));

  assert.match((await project.type('dlq', 'groups')).err, /no dead letters/);
  const [replay] = await project.json<Replay[]>('replay', 'list', '--flow', name, '--limit', '1');
  const after = await project.rows();
  const resolved = await project.json<DeadLetter[]>('dlq', 'list', '--state', 'resolved', '--limit', '10000');
  assert.equal(resolved.length, count);
  for (const { id, recordId, resolution, downstream } of resolved) {
    assert.equal(resolution?.verdict, 'pass', id);
    assert.deepEqual(
      downstream.map(({ station, outcome }) => [station, outcome]),
      [['warehouse', 'written']],
    );
    assert.equal(Number(after.get(recordId!)?._revision), replay!.revision, `row of ${recordId}`);
  }

  const reconciled = await project.type('flow', 'reconcile');
  assert.equal(reconciled.code, 0, reconciled.out + reconciled.err);
  assert.match(reconciled.out, new RegExp(`dead letters: 0 open, ${count} resolved\\n.*0 unaccounted`));
  assert.equal(after.size, before.size + count);
  for (const [id, row] of before) assert.deepEqual(after.get(id), row, `${id} was touched`);
  assert.deepEqual(await readersOfReplays(name), [replayGroup(name, 'locate')]);

  const { steps } = await project
    .json<Trace>('trace', letter!.recordId!)
    .then((found) => (Array.isArray(found) ? { steps: found as Trace['steps'] } : found));
  assert.deepEqual(
    steps
      .filter(({ kind }) => kind !== 'record')
      .map(({ kind, station, verdict, code, outcome }) => [kind, station, verdict, code ?? outcome]),
    [
      ['verdict', 'qualify', 'pass', null],
      ['verdict', 'locate', 'reject', 'LOOKUP_MISSING'],
      ['replay', 'locate', null, null],
      ['verdict', 'locate', 'pass', null],
      ['verdict', 'warehouse', 'pass', 'written'],
      ['row', 'warehouse', null, 'stands'],
    ],
  );
  const audit = await project.json<AuditEntry[]>('audit', '--action', 'replay', '--limit', '500');
  assert.ok(audit.some(({ reason, result }) => /airports/.test(reason) && JSON.stringify(result).includes(replay!.id)));

  assert.equal((await project.type('down')).code, 0);
  assert.equal((await up.ended).code, 0);

  const again = await project.type('up', flow, '--exit-when-drained', '--report', 'report.json');
  assert.equal(again.code, 0, again.out + again.err);
  const { deadLetters, deadLetterGroups } = JSON.parse(await readFile(join(project.folder, 'report.json'), 'utf8'));
  assert.deepEqual(deadLetters, { open: 0, corrected: 0, replaying: 0, resolved: count, discarded: 0 });
  assert.deepEqual(deadLetterGroups, []);
});

/** Groups that have committed anything in the replay topics of a flow. */
async function readersOfReplays(flow: string): Promise<string[]> {
  const clients = new Clients(givenAddresses());
  await clients.open();
  try {
    const { raw } = clients;
    const topics = (await raw.listTopics()).filter((topic) => topic.startsWith(replayTopic(flow, '')));
    const readers: string[] = [];
    for (const { groupId } of (await raw.listGroups()).groups) {
      const offsets = await raw.fetchOffsets({ groupId, topics });
      if (offsets.some(({ partitions }) => partitions.some(({ offset }) => Number(offset) > 0))) readers.push(groupId);
    }
    return readers;
  } finally {
    await clients.close();
  }
}
