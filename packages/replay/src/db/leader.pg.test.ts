import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '@quadrille/station';
import pg from 'pg';
import type { Duty } from '../model.ts';
import { type Leading, lead } from './leader.ts';

const { DATABASE_URL = '' } = process.env;
const skip = DATABASE_URL === '' && 'no DATABASE_URL: run `npm test -- PATH`';
const log = createLog({ station: 'test' }, 'silent');

async function until(what: string, holds: () => boolean, ms = 15_000): Promise<void> {
  for (const end = Date.now() + ms; !holds(); await sleep(20))
    if (Date.now() > end) throw new Error(`waited in vain for: ${what}`);
}

/** An instance whose one duty says when it runs. */
class Instance {
  readonly ending = new AbortController();
  running = 0;
  begun = 0;
  leading!: Leading;
  readonly duty: Duty = async (signal) => {
    this.running++;
    this.begun++;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    this.running--;
  };

  constructor(schema: string, duties?: Duty[]) {
    this.leading = lead(DATABASE_URL, schema, duties ?? [this.duty], this.ending.signal, log);
  }

  async end(): Promise<void> {
    this.ending.abort();
    await this.leading.ended;
  }
}

/** Ends the connection that holds an advisory lock of this schema, as a server does that goes down. */
async function killLeader(schema: string): Promise<number> {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND objsubid = 1
         AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 2)`,
      [`quadrille lead ${schema}`],
    );
    return rows.length;
  } finally {
    await client.end();
  }
}

const named = (): string => `replay_t${randomBytes(4).toString('hex')}`;

test('of several instances one leads; when it ends the next does, and never two at once', { skip }, async () => {
  const schema = named();
  const all = [new Instance(schema), new Instance(schema), new Instance(schema)];
  const running = (): number => all.reduce((sum, { running }) => sum + running, 0);
  let most = 0;
  const watching = setInterval(() => {
    most = Math.max(most, running());
  }, 5);
  try {
    for (let left = all.length; left > 0; left--) {
      await until('one leads', () => running() === 1);
      const [leader] = all.filter(({ leading }) => leading.leading());
      assert.equal(leader?.running, 1);
      await leader.end();
      assert.equal(leader.leading.leading(), false);
    }
    assert.equal(most, 1);
  } finally {
    clearInterval(watching);
    await Promise.all(all.map((each) => each.end()));
  }
});

test('schemas do not contend with each other', { skip }, async () => {
  const [one, other] = [new Instance(named()), new Instance(named())];
  await until('both lead', () => one.leading.leading() && other.leading.leading());
  await Promise.all([one.end(), other.end()]);
});

test('the end of its connection ends leadership and its duties; somebody leads again', { skip }, async () => {
  const schema = named();
  const instance = new Instance(schema);
  const other = new Instance(schema);
  try {
    await until('one leads', () => instance.running + other.running === 1);
    const [former] = instance.running === 1 ? [instance] : [other];
    const before = former.begun;
    assert.equal(await killLeader(schema), 1);
    await until('its duty has ended', () => former.running === 0 || former.begun > before);
    await until('one leads again', () => instance.running + other.running === 1);
    assert.notEqual(instance.leading.leading(), other.leading.leading());
  } finally {
    await Promise.all([instance.end(), other.end()]);
  }
});

test('a duty that fails ends leadership with its error, and nobody leads before the others have ended', {
  skip,
}, async () => {
  const schema = named();
  let working = true;
  const slow: Duty = async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await sleep(1_500);
    working = false;
  };
  const failing = new Instance(schema, [slow, () => Promise.reject(new Error('a defect'))]);
  await until('it leads', () => failing.leading.leading());
  let overlapped = false;
  const next = new Instance(schema, [
    async (signal) => {
      overlapped = working;
      await next.duty(signal);
    },
  ]);
  try {
    await assert.rejects(failing.leading.ended, /a defect/);
    assert.equal(failing.leading.leading(), false);
    await until('the next leads', () => next.running === 1);
    assert.equal(overlapped, false);
  } finally {
    failing.ending.abort();
    await next.end();
  }
});
