import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ended, MAIN, Typed } from '../e2e/command.ts';
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

/**
 * `dlq edit` of record r12 on a terminal, in an editor that puts these texts into the file, one each time it is opened,
 * and shows what it found there; whatever is asked is answered with yes.
 */
async function inEditor(chain: Chain, texts: readonly string[]): Promise<Ended> {
  const { flow, service } = chain;
  await flow.write('texts.json', JSON.stringify(texts));
  await flow.write(
    'editor.mjs',
    `import { readFileSync, writeFileSync } from 'node:fs';
const [text, ...more] = JSON.parse(readFileSync('texts.json', 'utf8'));
writeFileSync('texts.json', JSON.stringify(more));
const file = process.argv[2];
console.log(readFileSync(file, 'utf8'));
writeFileSync(file, text);`,
  );
  const command = [process.execPath, MAIN, 'dlq', 'edit', 'r12', '--reason', '"by hand"'].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: flow.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      EDITOR: `${process.execPath} editor.mjs`,
      VISUAL: '',
      QUADRILLE_REPLAY_URL: service.status!.url,
      QUADRILLE_TOKEN_FILE: join(flow.folder, '.quadrille/replay.token'),
    },
  });
  let out = '';
  child.stdout!.on('data', (chunk) => {
    out += chunk;
    if (String(chunk).includes('[y/N]')) child.stdin!.write('y\n');
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err: '' };
}

test('many corrected from the command line, by SQL, by TypeScript, by JSON Patch and by hand, then sent; what still fails is open again', {
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
  const line = await quadrille(
    chain,
    'dlq',
    'fix',
    '--where',
    'n >= 25',
    '--sql',
    "concat('o', 'k') AS does",
    '--execute',
  );
  assert.match(line.out, /5 corrected/, line.err);
  const wrong = await quadrille(chain, 'dlq', 'fix', '--where', 'n >= 20', '--sql', 'nothing AS does');
  assert.match(wrong.err, /SQL_INVALID/);
  const patch = await quadrille(
    chain,
    'dlq',
    'fix',
    '--where',
    'n BETWEEN 20 AND 24',
    '--rule',
    'patch.json',
    '--execute',
  );
  assert.match(patch.out, /5 corrected/, patch.err);

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
  assert.deepEqual([edited.code, /USAGE: .*--value no\.json/.test(edited.err)], [64, true], edited.err);
  const nowhere = await quadrille(chain, 'dlq', 'export', '--out', 'no/folder.ndjson');
  assert.deepEqual([nowhere.code, /USAGE: .*--out no\/folder/.test(nowhere.err)], [64, true], nowhere.err);
  const stranger = await new Typed(flow.folder, ['dlq', 'discard', 'r12', '--reason', 'gone', '--execute'], {
    QUADRILLE_REPLAY_URL: chain.service.status!.url,
    QUADRILLE_TOKEN: 'not-the-token-of-anybody',
  }).ended;
  assert.deepEqual([stranger.code, /UNAUTHENTICATED/.test(stranger.err)], [4, true], stranger.err);
  const slip = await quadrille(chain, 'dlq', 'list', '--station', 'jugde');
  assert.deepEqual([slip.code, /did you mean `judge`/.test(slip.err)], [1, true], slip.err);
  await flow.write('r12.json', JSON.stringify({ id: 'r12', does: 'ok', n: 'many' }));
  const refused = await quadrille(chain, 'dlq', 'edit', 'r12', '--value', 'r12.json', '--execute');
  assert.match(refused.err, /CORRECTION_INVALID/);
  await flow.write('r12.json', JSON.stringify({ id: 'r12', does: 'ok', n: 12 }));
  const kept = await inEditor(chain, [
    'broken {',
    '{"id":"r12","does":"ok","n":"many"}',
    '{"id":"r12","does":"ok","n":12}',
  ]);
  assert.equal(kept.code, 0, kept.out);
  for (const text of ['// ! ANSWER_INVALID', '// ! CORRECTION_INVALID', 'does: "bad" → "ok"', 'kept; send it'])
    assert.ok(kept.out.includes(text), `${text}\n${kept.out}`);
  const same = await inEditor(chain, ['broken {', 'broken {']);
  assert.deepEqual([same.code === 0, /ANSWER_INVALID/.test(same.out)], [false, true], same.out);
  const audit = await quadrille(chain, 'audit', '--action', 'correct', '-o', 'json');
  assert.ok((JSON.parse(audit.out) as { reason: string }[]).some(({ reason }) => reason === 'by hand'));
  await assertBalanced(flow);
});
