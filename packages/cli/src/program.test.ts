import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@quadrille/record';
import { commands } from './commands/index.ts';
import { parse } from './program.ts';

const read = (line: string, out: (text: string) => void = () => {}) =>
  parse(commands, '1.2.3', line.split(' ').filter(Boolean), out);

async function usage(line: string): Promise<Fault> {
  const error = await read(line).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof Fault && error.code === 'USAGE', `${line}: ${error}`);
  return error;
}

test('words, arguments and options of one- and two-word commands', async () => {
  const up = await read('up flows/flights --exit-when-drained --report r.json --only a,b');
  assert.equal(up?.command.path, 'up');
  assert.deepEqual(up?.args, ['flows/flights']);
  assert.deepEqual({ ...up?.options }, { exitWhenDrained: true, report: 'r.json', only: 'a,b', replay: true });
  const list = await read('dlq list --offsets 1-2 -o jsonl --color never');
  assert.equal(list?.command.path, 'dlq list');
  assert.deepEqual({ ...list?.options }, { offsets: '1-2', output: 'jsonl', color: 'never' });
});

test('what may be left out is left out, and what takes the rest takes it', async () => {
  assert.deepEqual((await read('flow status'))?.args, []);
  assert.deepEqual((await read('dlq replay a1b2 c3d4 --execute'))?.args, ['a1b2', 'c3d4']);
});

test('a word or flag that nobody knows is answered by the nearest', async () => {
  assert.match((await usage('upp flows/x')).help, /did you mean `up`/);
  assert.match((await usage('dlq lst')).help, /did you mean `list`/);
  assert.match((await usage('dlq list --stattion x')).help, /did you mean `--station`/);
  assert.match((await usage('up')).message, /FLOW/);
  assert.match((await usage('up a b')).message, /too many arguments/);
  assert.match((await usage('dlq')).message, /missing/);
  assert.match((await usage('')).message, /missing/);
  assert.match((await usage('topic tail x --limit')).message, /argument missing/);
});

test('help goes to stdout and shows an example, for every command', async () => {
  for (const { path, examples } of commands) {
    let text = '';
    assert.equal(
      await read(`${path} --help`, (more) => {
        text += more;
      }),
      undefined,
      path,
    );
    assert.ok(text.includes(`$ quadrille ${examples[0]}`), path);
  }
});

test('the version', async () => {
  let text = '';
  assert.equal(
    await read('--version', (more) => {
      text += more;
    }),
    undefined,
  );
  assert.equal(text, '1.2.3\n');
});
