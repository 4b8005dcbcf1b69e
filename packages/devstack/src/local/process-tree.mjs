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
      // "pid (name, which may hold anything) state ppid …"
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      pairs.push([Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]);
    } catch {
      // ended meanwhile
    }
  }
  return pairs;
}
