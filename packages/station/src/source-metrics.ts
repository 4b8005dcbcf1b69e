/** How far behind sources are, as they tell it: gauges by shard. */
import type { SourceLag } from '@quadrille/flow';
import { Counter, Gauge, type Registry } from 'prom-client';

const UNITS = {
  records: 'Items that wait in the source, where it can tell.',
  bytes: 'Bytes that the source keeps for this extractor, where it can tell: the lag of a replication slot.',
  seconds: 'Age of the oldest item that waits in the source, where it can tell.',
} as const;

/** Takes what sources tell of their shards. A shard that is given up has no figures any more. */
export class SourceMetrics {
  private readonly lags = new Map<string, SourceLag>();
  private readonly again: Counter<'shard'>;

  constructor(registry: Registry) {
    const { lags } = this;
    this.again = new Counter({
      name: 'quadrille_source_redelivered_total',
      help: 'Items that the source had given out before, where it can tell: messages of a queue received once more.',
      labelNames: ['shard'],
      registers: [registry],
    });
    for (const [unit, help] of Object.entries(UNITS) as [keyof SourceLag, string][]) {
      new Gauge({
        name: `quadrille_source_lag_${unit}`,
        help,
        labelNames: ['shard'],
        registers: [registry],
        collect() {
          this.reset();
          for (const [shard, lag] of lags) if (lag[unit] !== undefined) this.set({ shard }, lag[unit]);
        },
      });
    }
  }

  countAgain(shard: string, items: number): void {
    this.again.inc({ shard }, items);
  }

  tell(shard: string, lag: SourceLag | undefined): void {
    if (lag === undefined) this.lags.delete(shard);
    else this.lags.set(shard, lag);
  }
}
