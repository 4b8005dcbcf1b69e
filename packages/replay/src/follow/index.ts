/**
 * Follows the topics that the service's state is made of: dead letters, the ledger, decisions. A duty of the instance that
 * leads. What was taken in and how far is one transaction, so that it goes on exactly where it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DECISIONS_TOPIC, deadLetterTopic, LEDGER_TOPIC, placeOf } from '@quadrille/record';
import { decisionCodec, Follower, ledgerCodec } from '@quadrille/station';
import type { Tx } from '../db/database.ts';
import { type Applies, applyAt, lockDecisions } from '../decisions/index.ts';
import type { Duty, Ground, OnLive } from '../model.ts';
import { takeLetters } from './dead-letters.ts';
import { takeEntries } from './ledger.ts';
import type { KafkaRecord } from './letter-row.ts';
import { makeLive } from './liveness.ts';

export interface Following {
  duty: Duty;
  /** What stood in the topics when this instance began to lead has been taken in. */
  caughtUp(): boolean;
  /** Records not taken in yet, as last counted. */
  behind(): number;
}

export interface FollowOptions {
  onLive: readonly OnLive[];
  applies: Applies;
  /** Once dead letters, ledger and decisions are taken in, before anything counts as caught up: what was sent is read back. */
  recover(signal: AbortSignal): Promise<void>;
}

const BUSY_MS = 200;
const IDLE_MS = 400;
const TOPICS_MS = 3_000;
const COUNT_MS = 5_000;

type Take = (tx: Tx, topic: string, partition: number, records: readonly KafkaRecord[]) => Promise<void>;

export function follow(ground: Ground, { onLive, applies, recover }: FollowOptions): Following {
  const state = { caughtUp: false, behind: 0 };
  const letters: Take = async (tx, topic, partition, records) => {
    const foreign = await takeLetters(tx, topic, partition, records);
    if (foreign > 0)
      ground.log.warn({ topic, partition, records: foreign }, 'records that are no dead letters of ours');
  };
  const ledger: Take = async (tx, topic, partition, records) => {
    await takeEntries(
      tx,
      records.map(({ offset, value }) => ({
        partition,
        offset: Number(offset),
        entry: ledgerCodec.decode(value, placeOf(topic, partition, Number(offset))),
      })),
    );
  };
  const decisions: Take = async (tx, topic, partition, records) => {
    await lockDecisions(tx);
    for (const { offset, value } of records) {
      if (value === null) continue;
      const decision = decisionCodec.decode(value, placeOf(topic, partition, Number(offset)));
      if (!(await applyAt(tx, Number(offset), decision, applies)))
        ground.log.warn({ kind: decision.kind, offset }, 'a decision of a kind that this version does not know');
    }
    await tx.query('DELETE FROM applied_decision WHERE at <= $1', [Number(records.at(-1)!.offset)]);
  };

  return {
    caughtUp: () => state.caughtUp,
    behind: () => state.behind,
    async duty(signal) {
      state.caughtUp = false;
      const readers: Reader[] = [];
      const over = new AbortController();
      const counting = count(AbortSignal.any([signal, over.signal]));
      try {
        // In this order: a decision is about a dead letter that somebody had seen.
        readers.push(await Reader.start(ground, await letterTopics(ground), letters, signal));
        readers.push(await Reader.start(ground, [LEDGER_TOPIC], ledger, signal));
        await Promise.all(readers.map((reader) => reader.caughtUp(signal)));
        while (!signal.aborted && (await makeLive(ground, onLive, signal)) > 0);
        readers.push(await Reader.start(ground, [DECISIONS_TOPIC], decisions, signal));
        await readers[2]!.caughtUp(signal);
        if (signal.aborted) return;
        await recover(signal);
        state.caughtUp = !signal.aborted;
        await goOn(readers, signal);
      } finally {
        state.caughtUp = false;
        over.abort();
        for (const reader of readers) await reader.stop();
        await counting;
      }
    },
  };

  /** Keeps what was counted last while something is away. */
  async function count(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      state.behind = await behind(ground).catch(() => state.behind);
      await sleep(COUNT_MS, undefined, { signal }).catch(() => {});
    }
  }

  async function goOn(readers: Reader[], signal: AbortSignal): Promise<void> {
    let lookedAt = Date.now();
    while (!signal.aborted) {
      for (const reader of readers) reader.check();
      const moved = readers[1]!.takeMoved();
      const made = await makeLive(ground, onLive, signal);
      await sleep(made > 0 || moved ? BUSY_MS : IDLE_MS, undefined, { signal }).catch(() => {});
      if (Date.now() - lookedAt < TOPICS_MS) continue;
      lookedAt = Date.now();
      const topics = await letterTopics(ground);
      if (topics.join() === readers[0]!.topics.join()) continue;
      await readers[0]!.stop();
      readers[0] = await Reader.start(ground, topics, letters, signal);
    }
  }
}

/** Dead-letter topics of the flows known, as far as they exist. */
async function letterTopics({ admin, flows }: Ground): Promise<string[]> {
  const wanted = new Set<string>();
  for (const { stations } of flows.values())
    for (const spec of stations.values()) wanted.add(deadLetterTopic(spec.kind === 'extractor' ? spec.to : spec.from));
  return (await admin.listTopics()).filter((topic) => wanted.has(topic));
}

/** Records that stand in the topics and are not taken in. @throws Fault of class `dependency` */
async function behind(ground: Ground): Promise<number> {
  const topics = [...(await letterTopics(ground)), LEDGER_TOPIC, DECISIONS_TOPIC];
  const rows = await ground.database.query<{ topic: string; partition: number; next: number }>(
    'SELECT topic, partition, next FROM followed WHERE topic = ANY($1)',
    [topics],
  );
  const next = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row.next]));
  let records = 0;
  for (const topic of topics)
    for (const [partition, { low, high }] of (await ground.admin.bounds(topic)).entries())
      records += Math.max(0, high - Math.max(low, next.get(`${topic}/${partition}`) ?? 0));
  return records;
}

/** Reads topics from where the database has taken them in, and goes on. */
class Reader {
  readonly topics: readonly string[];
  readonly #ground: Ground;
  readonly #follower: Follower | undefined;
  #moved = true;
  /** Rejects when the client has given up for good, with what `check` throws. */
  readonly #dead: Promise<never>;
  #fault: Error | undefined;

  private constructor(ground: Ground, topics: readonly string[], follower: Follower | undefined, dead: Promise<never>) {
    this.#ground = ground;
    this.topics = topics;
    this.#follower = follower;
    this.#dead = dead;
    dead.catch((fault: Error) => {
      this.#fault = fault;
    });
  }

  static async start(ground: Ground, topics: readonly string[], take: Take, signal: AbortSignal): Promise<Reader> {
    let fail: (error: Error) => void = () => {};
    const dead = new Promise<never>((_, reject) => {
      fail = reject;
    });
    if (topics.length === 0) return new Reader(ground, topics, undefined, dead);
    const startAt = await positions(ground, topics);
    let reader: Reader | undefined;
    const follower = new Follower(ground.kafka, {
      name: 'quadrille.replay',
      topics: [...topics],
      sessionTimeoutMs: 30_000,
      startAt,
      onDead: fail,
      onRecords: async (topic, partition, records) => {
        // Once leadership has ended, nothing is taken in; whoever leads next begins at what the database has.
        if (records.length === 0 || signal.aborted) return;
        if (reader !== undefined) reader.#moved = true;
        await untilTaken(ground, signal, async (tx) => {
          await take(tx, topic, partition, records);
          await tx.query(
            `INSERT INTO followed VALUES ($1, $2, $3)
             ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next`,
            [topic, partition, Number(records.at(-1)!.offset) + 1],
          );
        });
      },
    });
    reader = new Reader(ground, topics, follower, dead);
    try {
      await follower.start();
    } catch (error) {
      await reader.stop();
      throw error;
    }
    return reader;
  }

  /** @throws Fault once nothing more is read: without it the service would go on, and see nothing. */
  check(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Whether anything has come since the last question. */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  /** Resolves, too, when leadership ends. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    if (this.#follower === undefined || signal.aborted) return;
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#follower.caughtUp(this.#ground.admin), this.#dead, over]);
  }

  async stop(): Promise<void> {
    await this.#follower?.stop();
  }
}

/** A batch is taken in or not at all; while the database is away it waits, unless leadership has ended. */
async function untilTaken(
  { database, log }: Ground,
  signal: AbortSignal,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  for (let wait = 100; ; wait = Math.min(2 * wait, 2_000)) {
    if (signal.aborted) return;
    try {
      await database.transaction(work);
      return;
    } catch (error) {
      log.warn({ error: error instanceof Error ? error.message : String(error) }, 'not taken in yet, trying again');
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }
}

/** Where to go on. A topic that ends before was made anew: it is read from its beginning. */
async function positions({ database, admin, log }: Ground, topics: readonly string[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const topic of topics) {
    const bounds = await admin.bounds(topic);
    const rows = await database.query<{ partition: number; next: number }>(
      'SELECT partition, next FROM followed WHERE topic = $1',
      [topic],
    );
    for (const { partition, next } of rows) {
      const high = bounds[partition]?.high ?? 0;
      if (next <= high) found.set(`${topic}/${partition}`, next);
      else log.warn({ topic, partition, next, high }, 'the topic ends before what was taken in: read again');
    }
  }
  return found;
}
