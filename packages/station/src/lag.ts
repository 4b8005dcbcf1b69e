/** How far behind a station is, asked for when somebody looks: how much it has taken it knows itself, what there is the broker says. */
import { performance } from 'node:perf_hooks';
import type { Intake } from './intake.ts';
import type { KafkaAdmin } from './kafka/admin.ts';

export interface PartitionLag {
  topic: string;
  partition: number;
  /** Records not taken yet. */
  records: number;
}

/** Whoever looks more often gets the ends of topics as last asked for. */
const FRESH_MS = 5_000;
/** A scrape does not wait for a broker that does not answer. */
const PATIENCE_MS = 1_000;

export class LagWatch {
  private readonly admin: Pick<KafkaAdmin, 'bounds'>;
  private readonly intakes = new Map<string, Pick<Intake, 'lag'>>();
  private readonly ends = new Map<string, number[]>();
  private askedAt = Number.NEGATIVE_INFINITY;
  private asking: Promise<unknown> = Promise.resolve();

  constructor(admin: Pick<KafkaAdmin, 'bounds'>) {
    this.admin = admin;
  }

  add(topic: string, intake: Pick<Intake, 'lag'>): void {
    this.intakes.set(topic, intake);
  }

  /**
   * The partitions that this instance holds. A consumer that has paused hears nothing of what comes in, so the ends are
   * asked for; while the broker is away they are as last heard. Never throws.
   */
  async look(): Promise<PartitionLag[]> {
    if (performance.now() - this.askedAt > FRESH_MS) {
      this.askedAt = performance.now();
      this.asking = Promise.allSettled([...this.intakes.keys()].map((topic) => this.ask(topic)));
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([this.asking, late]);
    clearTimeout(timer);
    const lags: PartitionLag[] = [];
    for (const [topic, intake] of this.intakes) {
      const ends = this.ends.get(topic) ?? [];
      for (const [partition, { taken, high }] of intake.lag())
        lags.push({ topic, partition, records: Math.max(0, Math.max(high, ends[partition] ?? 0) - taken) });
    }
    return lags;
  }

  /** Since when the record that waits longest in memory waits: its timestamp, ms since the epoch. @param topic */
  oldest(topic: string): number | undefined {
    let oldest: number | undefined;
    for (const lag of this.intakes.get(topic)?.lag().values() ?? [])
      if (lag.oldest !== undefined) oldest = Math.min(oldest ?? Infinity, lag.oldest);
    return oldest;
  }

  private async ask(topic: string): Promise<void> {
    const bounds = await this.admin.bounds(topic);
    this.ends.set(
      topic,
      bounds.map(({ high }) => high),
    );
  }
}
