#!/usr/bin/env node
// The command, typed outside npm, where any Node may come first: it hands over to the pinned one. Plain JavaScript on
// purpose, so that every Node since 18 can read it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const main = join(root, 'packages', 'cli', 'src', 'main.ts');
const pinned = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 3)) {
  // The command's own arguments stand where it expects them.
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else if (!existsSync(pinned)) {
  process.stderr.write(
    `NOT_INSTALLED ${root}: the pinned Node is not there yet\n  help: run npm start or npm test once in that folder; either installs what is needed\n`,
  );
  process.exitCode = 1;
} else {
  const command = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches both from the terminal, and this one only waits for the other's own end; the rest is passed on.
  process.on('SIGINT', () => {});
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => command.kill(signal));
  command.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1;
  });
}
