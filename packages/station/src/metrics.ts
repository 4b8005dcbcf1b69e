/** The figures of a station (prom-client). Labels: flow and station, topic where there are several; never key, id or message. */
import { Fault, PREVIEWED } from '@quadrille/record';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Lag } from './intake.ts';
import { DROP, REJECT, type Round } from './round.ts';
import { OUTCOMES } from './settle.ts';
import type { LoopMetrics } from './station.ts';

/** What a station has done since it started; also told to the process that started it. */
export interface Totals {
  received: number;
  passed: number;
  dropped: number;
  rejected: number;
  sent: number;
  rounds: number;
  voided: number;
  retries: number;
  /** When the first round was taken, and the last one committed: ms since the epoch, 0 before. */
  firstAt: number;
  lastAt: number;
  outcomes: Record<(typeof OUTCOMES)[number], number>;
}

/** Figures that are asked for when somebody looks. */
export interface LiveFigures {
  state(): string;
  lag(): Map<number, Lag>;
}

export class StationMetrics implements LoopMetrics {
  readonly registry = new Registry();
  readonly totals: Totals = {
    received: 0,
    passed: 0,
    dropped: 0,
    rejected: 0,
    sent: 0,
    rounds: 0,
    voided: 0,
    retries: 0,
    firstAt: 0,
    lastAt: 0,
    outcomes: { written: 0, unchanged: 0, superseded: 0, conflict: 0 },
  };
  /** Of the second loop; its records are not among the totals above. */
  readonly replays: LoopMetrics;
  private readonly counters;
  private readonly faults;
  private readonly duration;
  private readonly endToEnd;
  private readonly progress;
  private readonly commits;
  private inflight = 0;

  constructor(labels: { flow: string; station: string }, version: string, live: LiveFigures) {
    const { registry } = this;
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name: `quadrille_${name}`, help, labelNames, registers: [registry] });
    registry.setDefaultLabels(labels);
    collectDefaultMetrics({ register: registry });
    this.counters = {
      received: counter('records_received_total', 'Records taken to be judged; again after a rebalance.'),
      sent: counter('records_sent_total', 'Output records acknowledged.'),
      dropped: counter('records_dropped_total', 'Records dropped by rule.'),
      duplicate: counter('records_duplicate_total', 'Rows that stood in the target already, same version and content.'),
      deadLetters: counter('dead_letters_total', 'Dead letters acknowledged.'),
      writeFailures: counter(
        'dead_letter_write_failures_total',
        'Settles with dead letters that were not acknowledged and sent again.',
      ),
      rebalances: counter('rebalances_total', 'Assignments received.'),
      retries: counter('retries_total', 'Settles that were not acknowledged and sent again.'),
    };
    const replayed = counter('replay_records_total', 'Replayed records by verdict; previewed: dry runs.', ['outcome']);
    this.replays = {
      received: () => {},
      retried: () => this.counters.retries.inc(),
      voided: () => {},
      settled: (round) => {
        for (const [outcome, records] of verdictsOf(round)) replayed.inc({ outcome }, records);
      },
    };
    this.faults = counter('record_faults_total', 'Rejects by fault.', ['class', 'code']);
    this.commits = counter('commits_total', 'Commits by result.', ['result']);
    this.duration = new Histogram({
      name: 'quadrille_batch_duration_seconds',
      help: 'From taking a round to its commit.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    });
    this.endToEnd = new Histogram({
      name: 'quadrille_end_to_end_seconds',
      help: 'From extraction to the commit here; the first record of each slice.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
      registers: [registry],
    });
    this.progress = new Gauge({
      name: 'quadrille_last_progress_timestamp_seconds',
      help: 'Last commit.',
      registers: [registry],
    });
    const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void) =>
      new Gauge({
        name: `quadrille_${name}`,
        help,
        labelNames,
        registers: [registry],
        collect() {
          this.reset();
          collect(this);
        },
      });
    gauge('station_state', '1 for the present state.', ['state'], (g) => g.set({ state: live.state() }, 1));
    gauge('consumer_lag_records', 'Records not taken yet, as last heard of the broker.', ['partition'], (g) => {
      for (const [partition, { records }] of live.lag()) g.set({ partition }, records);
    });
    gauge('consumer_lag_seconds', 'Age of the oldest record that waits in this instance.', [], (g) =>
      g.set(Math.max(0, ...[...live.lag().values()].map(({ seconds }) => seconds))),
    );
    gauge('inflight_records', 'Records taken and not settled.', [], (g) => g.set(this.inflight));
    gauge('build_info', 'Version of the service.', ['version'], (g) => g.set({ version }, 1));
  }

  rebalanced(): void {
    this.counters.rebalances.inc();
  }

  received(records: number): void {
    this.inflight += records;
    if (this.totals.firstAt === 0) this.totals.firstAt = Date.now();
    this.totals.received += records;
    this.counters.received.inc(records);
  }

  /** A settle was not acknowledged. */
  retried(round: Round): void {
    this.totals.retries++;
    this.counters.retries.inc();
    if (round.slices.some(({ verdicts }) => verdicts.includes(REJECT))) this.counters.writeFailures.inc();
  }

  voided(round: Round): void {
    this.inflight -= round.records;
    this.totals.voided++;
    this.commits.inc({ result: 'void' });
  }

  /** Counts a round once it is committed. @param now performance.now() */
  settled(round: Round, now: number): void {
    const { totals, counters } = this;
    totals.rounds++;
    this.inflight -= round.records;
    for (const slice of round.slices) {
      let rejected = 0;
      let dropped = 0;
      for (const [index, reason] of slice.reasons) {
        if (slice.verdicts[index] === REJECT && reason instanceof Fault) {
          rejected++;
          this.faults.inc({ class: reason.class, code: reason.code });
        } else if (slice.verdicts[index] === DROP) dropped++;
      }
      let sent = 0;
      for (const outputs of slice.outputs.values()) sent += outputs.length;
      totals.rejected += rejected;
      totals.dropped += dropped;
      totals.passed += slice.records.length - rejected - dropped;
      totals.sent += sent;
      counters.sent.inc(sent);
      counters.dropped.inc(dropped);
      counters.deadLetters.inc(rejected);
      if (slice.outcomes !== null) this.outcomes(slice.outcomes, slice.verdicts);
      const first = slice.records[0];
      if (first?.header !== undefined && first.header.length > 24) {
        this.endToEnd.observe(Math.max(0, Date.now() - first.header.readUIntBE(18, 6)) / 1000);
      }
    }
    this.commits.inc({ result: 'ok' });
    this.duration.observe((now - round.startedAt) / 1000);
    totals.lastAt = Date.now();
    this.progress.set(totals.lastAt / 1000);
  }

  private outcomes(outcomes: Uint8Array, verdicts: Uint8Array): void {
    let unchanged = 0;
    for (let i = 0; i < outcomes.length; i++) {
      if (verdicts[i] !== 1) continue;
      this.totals.outcomes[OUTCOMES[outcomes[i]!]!]++;
      if (outcomes[i] === 1) unchanged++;
    }
    this.counters.duplicate.inc(unchanged);
  }
}

/** How many records of a replayed round came to which end. */
function verdictsOf(round: Round): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { records, verdicts, reasons } of round.slices) {
    for (let i = 0; i < records.length; i++) {
      const verdict = verdicts[i];
      const dropped = reasons.get(i) === PREVIEWED ? 'previewed' : 'dropped';
      const outcome = verdict === REJECT ? 'rejected' : verdict === DROP ? dropped : 'passed';
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  }
  return counts;
}
