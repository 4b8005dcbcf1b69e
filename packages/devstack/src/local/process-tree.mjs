/** Signals to whole process trees, and a look at the command line behind a pid. Plain JavaScript for the supervisor. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Signals a process group and those descendants of its leader that made groups of their own, as PostgreSQL's backends
 * do. What has ended already is passed over.
 * @param {number} pid the group's leader
 * @param {NodeJS.Signals} signal
 */
export function signalTree(pid, signal) {
  // Looked up first: once the leader is dead its descendants belong to init.
  const below = descendants(pid);
  for (const target of [-pid, ...below]) {
    try {
      process.kill(target, signal);
    } catch {
      // ended meanwhile
    }
  }
}

/**
 * The command line of a process; empty when there is none. Pids are reused, so a pid alone proves nothing.
 * @param {number} pid
 */
export function commandOf(pid) {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/**
 * A process of that number runs. One that has ended and waits for its parent to notice does not.
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
  try {
    return statOf(pid)[0] !== 'Z';
  } catch {
    return process.platform !== 'linux';
  }
}

/** @param {number} root @returns {number[]} */
function descendants(root) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const [pid, parent] of processTable()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found = [];
  for (const waiting = [root]; waiting.length > 0; ) {
    const below = children.get(/** @type {number} */ (waiting.pop())) ?? [];
    found.push(...below);
    waiting.push(...below);
  }
  return found;
}

/** Pairs of pid and parent pid: from /proc where there is one (slim images have no ps), else by ps. @returns {number[][]} */
function processTable() {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
  const pairs = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      pairs.push([Number(entry), Number(statOf(Number(entry))[1])]);
    } catch {
      // ended meanwhile
    }
  }
  return pairs;
}

/** A process's state, parent and so on, from Linux's "pid (name, which may hold anything) state ppid …". @param {number} pid */
function statOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
