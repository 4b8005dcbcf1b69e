/** The commands of schemas against a folder; against a registry they run in packages/testing/src/e2e. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Fault, Faults } from '@quadrille/record';
import type { Command, Context, Options } from '../command.ts';
import { schemasCheck } from '../commands/schemas-check.ts';
import { schemasDiff } from '../commands/schemas-diff.ts';
import { schemasPush } from '../commands/schemas-push.ts';
import type { TopicChange } from './changes.ts';

const TINY = fileURLToPath(new URL('../../../testing/fixtures/tiny', import.meta.url));
const DEPLOYED = { against: `${TINY}/schemas` };
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quadrille-schemas-'));
  await cp(TINY, folder, { recursive: true });
});
after(() => rm(folder, { recursive: true }));

async function edit(change: (text: string) => string): Promise<void> {
  const text = await readFile(`${TINY}/schemas/tiny.sent.avsc`, 'utf8');
  await writeFile(join(folder, 'schemas/tiny.sent.avsc'), change(text));
}

async function typed(command: Command, options: Options) {
  let out = '';
  let err = '';
  const context = {
    cwd: folder,
    env: {},
    out: (text: string) => (out += text),
    err: (line: string) => (err += `${line}\n`),
    cancel: new AbortController().signal,
  } as unknown as Context;
  try {
    return { code: await command.run(context, ['.'], options), out, err, faults: [] };
  } catch (error) {
    if (error instanceof Faults) return { code: 1, out, err, faults: error.faults };
    if (error instanceof Fault) return { code: error.code === 'USAGE' ? 64 : 1, out, err, faults: [error] };
    throw error;
  }
}

test('what has not changed has no findings and no differences', async () => {
  await edit((text) => text);
  const { code, out } = await typed(schemasCheck, DEPLOYED);
  assert.equal(code, 0);
  assert.match(out, /^NAME +OWNER +FIELDS +VERSIONS +FINDINGS\ntiny\.sent +testing +3 +1 +0\n/);
  const diff = await typed(schemasDiff, DEPLOYED);
  assert.deepEqual([diff.code, diff.out, diff.err], [0, '', 'nothing has changed\n']);
});

test('governance and compatibility are told together, each with its line, to people and to programs', async () => {
  await edit((text) =>
    text
      .replace('"owner": "testing",', '')
      .replace(', "doc": "Where it goes."', '')
      .replace('"name": "grams", "type": "int"', '"name": "grams", "type": "string"'),
  );
  const { code, out, faults } = await typed(schemasCheck, { ...DEPLOYED, output: 'json' });
  assert.equal(code, 1);
  const told = faults.map(({ code: of, place, field }) => [of, place?.replace(/^.*tiny\.sent\.avsc/, ''), field]);
  assert.deepEqual(told, [
    ['SCHEMA_UNGOVERNED', ':1:1', undefined],
    ['SCHEMA_UNGOVERNED', ':10:5', undefined],
    ['SCHEMA_INCOMPATIBLE', ':11:5', 'grams'],
  ]);
  const [sent, weighed] = JSON.parse(out) as { topic: string; findings: { code: string; help: string }[] }[];
  assert.deepEqual(
    sent?.findings.map((finding) => finding.code),
    told.map(([of]) => of),
  );
  assert.ok(sent?.findings.every(({ help }) => help !== ''));
  assert.deepEqual(weighed?.findings, []);
});

test('differences are told field by field, and what of them breaks readers', async () => {
  await edit((text) =>
    text
      .replace('"Where it goes."', '"The town it goes to.", "sensitivity": "personal"')
      .replace('"name": "grams", "type": "int"', '"name": "grams", "type": "long"')
      .replace('"Weight." }', '"Weight." },\n    { "name": "height", "type": "int", "doc": "Height." }'),
  );
  const { code, out } = await typed(schemasDiff, { ...DEPLOYED, output: 'jsonl' });
  assert.equal(code, 1);
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as TopicChange);
  assert.deepEqual(
    rows.map(({ path, change, before: from, after: to, compatible }) => [path, change, from, to, compatible]),
    [
      ['town', 'doc', 'Where it goes.', 'The town it goes to.', true],
      ['town', 'sensitivity', 'public', 'personal', true],
      ['grams', 'type', 'int', 'long', true],
      ['height', 'added', undefined, 'int', false],
    ],
  );
  assert.match(rows[3]?.breaks[0]?.what ?? '', /no default/);
  assert.match((await typed(schemasDiff, DEPLOYED)).out, /^tiny\.sent +added +height +<none> +int +is new/m);
});

test('a topic that is new is compatible; a schema that cannot be read is told', async () => {
  await edit((text) => text);
  const empty = await mkdtemp(join(tmpdir(), 'quadrille-schemas-'));
  await cp(`${TINY}/schemas/tiny.weighed.avsc`, join(empty, 'tiny.weighed.avsc'));
  const { code, out } = await typed(schemasDiff, { against: empty, output: 'json' });
  await rm(empty, { recursive: true });
  assert.equal(code, 0);
  assert.deepEqual(
    (JSON.parse(out) as TopicChange[]).map(({ topic, change }) => [topic, change]),
    [['tiny.sent', 'new']],
  );
  await edit((text) => text.replace('"int"', '"innt"'));
  for (const command of [schemasCheck, schemasDiff]) {
    const [fault] = (await typed(command, DEPLOYED)).faults;
    assert.deepEqual([fault?.code, fault?.help], ['SCHEMA_INVALID', 'did you mean `int`?'], command.path);
  }
});

test('without anything to compare with nothing is said to be in order', async () => {
  await edit((text) => text);
  for (const command of [schemasCheck, schemasDiff, schemasPush]) {
    const { code, faults } = await typed(command, {});
    assert.equal(code, 64, command.path);
    assert.match(faults[0]?.help ?? '', /SCHEMA_REGISTRY_URL/);
  }
  assert.equal((await typed(schemasCheck, { against: 'nowhere' })).code, 64);
  assert.equal((await typed(schemasCheck, { against: 'data' })).code, 64);
});
