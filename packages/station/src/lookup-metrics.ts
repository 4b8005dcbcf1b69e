/** What the lookups that are asked cost: counters by lookup. */
import type { AskedFigures } from '@quadrille/flow';
import { Counter, type Registry } from 'prom-client';

const FIGURES = {
  hits: ['lookup_hits_total', 'Keys of a round that a lookup remembered.'],
  misses: ['lookup_misses_total', 'Keys of a round that a lookup had to ask for.'],
  stale: ['lookup_stale_total', 'Keys answered from beyond their time, while nobody answered.'],
  waitedMs: ['lookup_wait_seconds_total', 'Time that rounds have waited for answers.'],
} as const;

/** @param lookups as they are now; counted by themselves, read when somebody looks. */
export function lookupMetrics(
  registry: Registry,
  lookups: () => readonly { name: string; figures: AskedFigures }[],
): void {
  for (const [figure, [name, help]] of Object.entries(FIGURES) as [keyof AskedFigures, (typeof FIGURES)['hits']][])
    new Counter({
      name: `quadrille_${name}`,
      help,
      labelNames: ['lookup'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { name: lookup, figures } of lookups())
          this.inc({ lookup }, figure === 'waitedMs' ? figures.waitedMs / 1000 : figures[figure]);
      },
    });
}
