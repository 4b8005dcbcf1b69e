/** Bearer tokens: kept as hashes, compared in constant time; the one that is made where nobody has named any. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { Fault } from '@quadrille/record';
import type { Role } from '../api/index.ts';
import type { Caller } from '../model.ts';

export interface Token extends Caller {
  /** Of the token's UTF-8 bytes, hexadecimal. */
  sha256: string;
}

const ROLES: readonly Role[] = ['view', 'operate', 'admin'];

/** The tokens of a file, and what is wrong with it, entry by entry; never quotes a hash. @throws SyntaxError */
export function parseTokens(text: string): { tokens: Token[]; problems: string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // JSON.parse quotes what it stumbles over.
    return { tokens: [], problems: ['it is not JSON'] };
  }
  if (!Array.isArray(json) || json.length === 0) return { tokens: [], problems: ['it is no list of tokens'] };
  const problems: string[] = [];
  const names = new Set<string>();
  const tokens = json.map((entry: unknown, at): Token => {
    const { name, role, sha256, ...rest } = (typeof entry === 'object' && entry !== null ? entry : {}) as Token;
    const wrong = (what: string): void => void problems.push(`entry ${at + 1}: ${what}`);
    if (typeof name !== 'string' || !/^[\w.@-]{1,100}$/.test(name)) wrong('`name` is not a name');
    else if (names.has(name)) wrong(`\`name\` ${name} stands twice`);
    if (!ROLES.includes(role)) wrong(`\`role\` is not one of ${ROLES.join(', ')}`);
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) wrong('`sha256` is not 64 hexadecimal digits');
    if (Object.keys(rest).length > 0) wrong(`${Object.keys(rest).join(', ')} is not known`);
    names.add(name);
    return { name, role, sha256 };
  });
  return { tokens, problems };
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Who holds a token; undefined for nobody. Looks at every entry, so that its time tells nothing. */
export function holderOf(tokens: readonly Token[]): (given: string) => Caller | undefined {
  const known = tokens.map(({ name, role, sha256 }) => ({ caller: { name, role }, bytes: Buffer.from(sha256, 'hex') }));
  return (given) => {
    const bytes = hash(given);
    let found: Caller | undefined;
    for (const each of known) if (timingSafeEqual(each.bytes, bytes)) found = each.caller;
    return found;
  };
}

/**
 * The token of this machine's user, role admin: made at first start, kept in a file that only this user may read.
 * Of two processes that start at once, one makes it and both use it.
 * @throws Fault CONFIG_INVALID when others may read the file, or it holds no token.
 */
export function localToken(file: string): Token {
  const made = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(made, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  try {
    linkSync(made, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(made, { force: true });
  }
  const broken = (what: string, help: string): Fault => new Fault('CONFIG_INVALID', what, { place: file, help });
  // Windows has no such bits.
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
    throw broken('others may read the token', `chmod 600 ${file}, or remove it: a new one is made`);
  const text = readFileSync(file, 'utf8').trim();
  if (text.length < 32) throw broken('it holds no token', 'remove it: a new one is made');
  return { name: userName(), role: 'admin', sha256: hash(text).toString('hex') };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user without an entry in passwd.
    return 'local';
  }
}
