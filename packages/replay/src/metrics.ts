/**
 * The figures of the replay service (prom-client). Labels: flow, station; never key, id or message. What became of replayed
 * records their stations count.
 */
import { VERSION } from '@quadrille/station';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Asked for when somebody looks. */
export interface LiveFigures {
  /** Open dead letters, corrected ones included, with the first time of the oldest, ms since the epoch. */
  open(): Promise<{ flow: string; station: string; letters: number; oldest: number }[]>;
  leading(): boolean;
}

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
        await Promise.resolve(collect(this)).catch(() => {});
      },
    });
  gauge('dead_letters_open', 'Dead letters that wait for a correction or a replay.', ['flow', 'station'], async (g) => {
    for (const { flow, station, letters } of await live.open()) g.set({ flow, station }, letters);
  });
  gauge('dead_letters_oldest_seconds', 'Age of the oldest of them.', ['flow', 'station'], async (g) => {
    for (const { flow, station, oldest } of await live.open())
      g.set({ flow, station }, Math.max(0, (Date.now() - oldest) / 1000));
  });
  gauge('replay_leader', '1 while this instance follows and sends.', [], (g) => g.set(live.leading() ? 1 : 0));
  gauge('build_info', 'Version of the service.', ['version'], (g) => g.set({ version: VERSION }, 1));
  return registry;
}
