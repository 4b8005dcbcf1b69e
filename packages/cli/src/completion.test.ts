import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from './commands/index.ts';
import { completionScript } from './completion.ts';

const noBash = spawnSync('bash', ['-c', 'exit']).status !== 0 && 'no bash on this machine';

test('bash completes words, then flags and files', { skip: noBash }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-completion-'));
  try {
    writeFileSync(join(folder, 'replay-notes.txt'), '');
    writeFileSync(join(folder, 'completion.bash'), completionScript('bash', commands));
    /** What is offered for the last of these words. */
    const offered = (...typed: string[]): string[] => {
      const words = typed.map((word) => `'${word}'`).join(' ');
      const { stdout, stderr } = spawnSync(
        'bash',
        [
          '-c',
          `source completion.bash; COMP_WORDS=(quadrille ${words}); COMP_CWORD=${typed.length}; _quadrille; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ],
        { cwd: folder, encoding: 'utf8' },
      );
      assert.equal(stderr, '');
      return stdout.split('\n').filter((line) => line !== '');
    };
    assert.deepEqual(offered('dl'), ['dlq']);
    assert.deepEqual(offered('dlq', 're'), ['replay', 'restore'], 'and no file');
    assert.ok(offered('').includes('trace'));
    assert.ok(offered('dlq', 'replay', '--r').includes('--rate'));
    assert.deepEqual(offered('dlq', 'fix', '--rule', 'replay'), ['replay-notes.txt']);
    assert.ok(offered('up', '--ex').includes('--exit-when-drained'));
    for (const { path, options = [] } of commands) {
      const flags = offered(...path.split(' '), '--');
      for (const [flag] of options) assert.ok(flags.includes(/--[a-z-]+/.exec(flag)![0]), `${path} ${flag}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('zsh and fish have the same words', () => {
  assert.match(completionScript('zsh', commands), /^#compdef quadrille\n/);
  const fish = completionScript('fish', commands);
  for (const { path } of commands) assert.ok(fish.includes(`-a ${path.split(' ').at(-1)}\n`), path);
  assert.ok(fish.includes("complete -c quadrille -n '__fish_use_subcommand' -f -a dlq\n"));
});
