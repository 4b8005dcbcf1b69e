/**
 * The figures of the replay service (prom-client). Labels: flow, station, code, state; never key, id or message. Every
 * instance tells the same of the database: take the greatest of them, not the sum. What became of replayed records their
 * stations count.
 */
import { VERSION } from '@quadrille/station';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface LetterCount {
  flow: string;
  station: string;
  code: string;
  state: string;
  letters: number;
}

/** Asked for when somebody looks. */
export interface LiveFigures {
  /** Stations with open dead letters, corrected ones included, and the last failure of the one that waits longest, ms since the epoch. */
  open(): Promise<{ flow: string; station: string; oldest: number }[]>;
  /** All dead letters known. */
  letters(): Promise<LetterCount[]>;
  /** Replays that are not over. */
  replays(): Promise<{ flow: string; state: string; replays: number }[]>;
  leading(): boolean;
  /** Records of dead-letter topics, ledger and decisions that are not taken in yet; undefined where this instance does not lead. */
  behind(): number | undefined;
}

const STATES = ['open', 'corrected', 'replaying', 'resolved', 'discarded'];
const isOpen = ({ state }: LetterCount): boolean => state === 'open' || state === 'corrected';

/** Where the database is away the gauges made of it are absent, rather than wrong. */
export function createMetrics(live: LiveFigures): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => Promise<void> | void) =>
    new Gauge({
      name: `quadrille_${name}`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        this.reset();
        try {
          await collect(this);
        } catch {
          this.reset();
        }
      },
    });
  const letters = shared(() => live.letters());
  gauge(
    'dead_letters_open',
    'Dead letters that wait for a correction or a replay.',
    ['flow', 'station', 'code'],
    async (g) => {
      for (const each of await letters()) {
        const { flow, station, code } = each;
        g.inc({ flow, station, code }, isOpen(each) ? each.letters : 0);
      }
    },
  );
  gauge(
    'dead_letters_by_state',
    'Dead letters that the service knows: open, corrected, replaying, resolved, discarded.',
    ['flow', 'station', 'state'],
    async (g) => {
      const known = await letters();
      for (const { flow, station } of known) for (const state of STATES) g.set({ flow, station, state }, 0);
      for (const { flow, station, state, letters: n } of known) g.inc({ flow, station, state }, n);
    },
  );
  gauge(
    'dead_letters_oldest_seconds',
    'Age of the oldest open one; absent where none is open.',
    ['flow', 'station'],
    async (g) => {
      for (const { flow, station, oldest } of await live.open())
        g.set({ flow, station }, Math.max(0, (Date.now() - oldest) / 1000));
    },
  );
  gauge('replays_open', 'Replays that are not over: waiting, running, cancelling.', ['flow', 'state'], async (g) => {
    for (const { flow, state, replays } of await live.replays()) g.set({ flow, state }, replays);
  });
  gauge('replay_leader', '1 while this instance follows and sends.', [], (g) => g.set(live.leading() ? 1 : 0));
  gauge(
    'replay_behind_records',
    'Records of dead-letter topics, ledger and decisions not taken in yet; of the instance that leads.',
    [],
    (g) => {
      const behind = live.behind();
      // One without labels begins with 0.
      if (behind === undefined) g.remove();
      else g.set(behind);
    },
  );
  gauge('build_info', 'Always 1: version of the service.', ['version', 'kind'], (g) =>
    g.set({ version: VERSION, kind: 'replay' }, 1),
  );
  return registry;
}

/** Those who ask while an answer is under way get the same one. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= ask().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
