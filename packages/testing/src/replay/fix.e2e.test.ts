import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ended, Typed } from '../e2e/command.ts';
import { assertBalanced, guardAgainstLeaks, noServers } from '../harness/index.ts';
import { feedItems } from '../station/sample.ts';
import { type Chain, startChain } from './sample.ts';

guardAgainstLeaks();

const STRICT = `
  if (record.does !== 'ok') return reject('BROKEN', 'the field is broken', { field: 'does' });
  return record;`;

/** The command, as an operator on another machine types it: told by the environment where the service is. */
function quadrille(chain: Chain, ...words: string[]): Promise<Ended> {
  const { folder } = chain.flow;
  const env = {
    QUADRILLE_REPLAY_URL: chain.service.status!.url,
    QUADRILLE_TOKEN_FILE: join(folder, '.quadrille/replay.token'),
  };
  return new Typed(folder, words, env).ended;
}

test('many corrected from the command line, by SQL, by TypeScript and by JSON Patch, then sent; what still fails is open again', {
  skip: noServers,
}, async () => {
  await using chain = await startChain(STRICT);
  const { flow } = chain;
  await feedItems(
    flow,
    'FLOW.in',
    Array.from({ length: 30 }, (_, n) => ({ id: `r${n}`, does: 'bad', n })),
  );
  await chain.drained();
  await chain.letters(30);
  await flow.write(
    'mend.sql',
    "-- rule: mend\n-- doc: Mends the field.\nselect row, case when n < 3 then 'still bad' else 'ok' end as does from input\n",
  );
  await flow.write(
    'mend.ts',
    `import { rule } from '@quadrille/flow';
export default rule({ doc: 'Mends the field.', examples: [], apply(record: any) {
  if (record.n === 12) throw new Error('no');
  return { ...record, does: 'ok' };
} });`,
  );
  await flow.write('patch.json', JSON.stringify([{ op: 'replace', path: '/does', value: 'ok' }]));

  const shown = await quadrille(chain, 'dlq', 'fix', '--where', 'n < 10', '--rule', 'mend.sql');
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /does: "bad" → "ok"/);
  assert.match(shown.out, /10 dead letters, 10 would change/);
  assert.match(shown.err, /nothing was changed/);
  await chain.letters(30);

  const sql = await quadrille(chain, 'dlq', 'fix', '--where', 'n < 10', '--rule', 'mend.sql', '--execute');
  assert.match(sql.out, /10 corrected/, sql.err);
  const code = await quadrille(chain, 'dlq', 'fix', '--where', 'n BETWEEN 10 AND 19', '--rule', 'mend.ts', '--execute');
  assert.equal(code.code, 3, 'one was left alone');
  assert.match(code.out, /left alone, RULE_THREW/);
  assert.match(code.out, /9 corrected, 0 as they were, 1 left alone/);
  const patch = await quadrille(chain, 'dlq', 'fix', '--where', 'n >= 20', '--rule', 'patch.json', '--execute');
  assert.match(patch.out, /10 corrected/, patch.err);

  const all = await quadrille(chain, 'dlq', 'replay', '--execute');
  assert.deepEqual([all.code, /SELECTION_UNBOUNDED/.test(all.err)], [64, true], all.err);
  const sent = await quadrille(chain, 'dlq', 'replay', '--state', 'corrected', '--stop-at', '1', '--execute');
  assert.equal(sent.code, 3, sent.err);
  assert.match(sent.out, /29 done: 26 passed, 3 failed again/);
  const open = await quadrille(chain, 'dlq', 'list', '-o', 'jsonl');
  const letters = open.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { recordId: string; attempts: number });
  assert.deepEqual(letters.map(({ recordId, attempts }) => `${recordId} ${attempts}`).sort(), [
    'r0 2',
    'r1 2',
    'r12 1',
    'r2 2',
  ]);

  const exported = await quadrille(chain, 'dlq', 'export', '--out', 'left.ndjson');
  assert.equal(exported.code, 0, exported.err);
  assert.equal(readFileSync(join(flow.folder, 'left.ndjson'), 'utf8').trim().split('\n').length, 4);
  const edited = await quadrille(chain, 'dlq', 'edit', 'r12', '--value', 'no.json');
  assert.notEqual(edited.code, 0);
  await flow.write('r12.json', JSON.stringify({ id: 'r12', does: 'ok', n: 'many' }));
  const refused = await quadrille(chain, 'dlq', 'edit', 'r12', '--value', 'r12.json', '--execute');
  assert.match(refused.err, /CORRECTION_INVALID/);
  await flow.write('r12.json', JSON.stringify({ id: 'r12', does: 'ok', n: 12 }));
  const kept = await quadrille(chain, 'dlq', 'edit', 'r12', '--value', 'r12.json', '--reason', 'by hand', '--execute');
  assert.equal(kept.code, 0, kept.err);
  const audit = await quadrille(chain, 'audit', '--action', 'correct', '-o', 'json');
  assert.ok((JSON.parse(audit.out) as { reason: string }[]).some(({ reason }) => reason === 'by hand'));
  await assertBalanced(flow);
});
