/** The figures of a station (prom-client). Labels: flow and station, topic where there are several; never key, id or message. */
import type { StationKind } from '@quadrille/flow';
import { EXTRACTED_AT, Fault, FIXED_BYTES, type InputRecord, PREVIEWED } from '@quadrille/record';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { STATES } from './health.ts';
import type { PartitionLag } from './lag.ts';
import { DROP, PASS, REJECT, type Round } from './round.ts';
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
  /** Of the input, and of the replay topic. Never throws. */
  lag(): Promise<readonly PartitionLag[]>;
  /** Timestamp of the record that waits longest in memory, ms since the epoch; undefined when none waits. */
  oldest(): number | undefined;
}

const ROUND_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

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
  private readonly durations;
  private readonly endToEnd;
  private readonly progress;
  private readonly commits;
  private readonly written;
  private readonly replayed;
  private readonly retries;
  /** Rounds taken and neither settled nor void. */
  private readonly open = new Set<Round>();

  constructor(
    labels: { flow: string; station: string },
    build: { version: string; kind: StationKind },
    live: LiveFigures,
  ) {
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
    };
    this.retries = counter(
      'retries_total',
      'Rounds tried again: a dependency was in the way of judging, or a settle was not acknowledged.',
      ['step'],
    );
    this.written = counter('target_records_total', 'Records that a target has taken, by what became of them there.', [
      'outcome',
    ]);
    this.replayed = counter('replay_records_total', 'Replayed records by verdict; previewed: dry runs.', ['outcome']);
    this.replays = {
      received: () => {},
      retried: (_, step) => this.retries.inc({ step }),
      voided: () => {},
      givenBack: () => {},
      settled: (round) => {
        for (const [outcome, records] of verdictsOf(round)) this.replayed.inc({ outcome }, records);
      },
    };
    this.faults = counter('record_faults_total', 'Rejects by fault.', ['class', 'code']);
    this.commits = counter('commits_total', 'Commits by result.', ['result']);
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `quadrille_${name}_seconds`, help, buckets, registers: [registry] });
    this.durations = {
      batch: histogram('batch_duration', 'From taking a round to its commit.', ROUND_SECONDS),
      judge: histogram('judge_duration', 'From taking a round until its verdicts stood.', ROUND_SECONDS),
      settle: histogram('settle_duration', 'Of the settle of a round: outputs, ledger, commit.', ROUND_SECONDS),
    };
    this.endToEnd = histogram(
      'end_to_end',
      'From extraction, or the timestamp of a record of another system, to the commit here; the first record of each slice.',
      [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600],
    );
    this.progress = new Gauge({
      name: 'quadrille_last_progress_timestamp_seconds',
      help: 'Last commit.',
      registers: [registry],
    });
    const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => Promise<void> | void) =>
      new Gauge({
        name: `quadrille_${name}`,
        help,
        labelNames,
        registers: [registry],
        async collect() {
          this.reset();
          await collect(this);
        },
      });
    gauge('station_state', '1 for the present state, 0 for the others.', ['state'], (g) => {
      for (const state of STATES) g.set({ state }, state === live.state() ? 1 : 0);
    });
    gauge(
      'consumer_lag_records',
      'Records of the input and of the replay topic that are not taken yet, in the partitions held by this instance.',
      ['topic', 'partition'],
      async (g) => {
        for (const { topic, partition, records } of await live.lag()) g.set({ topic, partition }, records);
      },
    );
    gauge('consumer_lag_seconds', 'Age of the oldest record that this instance has read and not settled.', [], (g) =>
      g.set(this.lagSeconds(live.oldest())),
    );
    gauge('inflight_records', 'Records taken and not settled.', [], (g) => {
      let records = 0;
      for (const round of this.open) records += round.records;
      g.set(records);
    });
    gauge('build_info', 'Always 1: version of the service, kind of the station.', ['version', 'kind'], (g) =>
      g.set(build, 1),
    );
    this.begin(build.kind);
  }

  /** Series that are known stand at 0 from the start: a rate sees no increase from nothing to one. */
  private begin(kind: StationKind): void {
    for (const step of ['judge', 'settle']) this.retries.inc({ step }, 0);
    for (const result of ['ok', 'void']) this.commits.inc({ result }, 0);
    for (const outcome of ['passed', 'dropped', 'rejected', 'previewed']) this.replayed.inc({ outcome }, 0);
    if (kind === 'loader') for (const outcome of OUTCOMES) this.written.inc({ outcome }, 0);
  }

  rebalanced(): void {
    this.counters.rebalances.inc();
  }

  /** By the records' timestamps. */
  private lagSeconds(waiting: number | undefined): number {
    let oldest = waiting ?? Infinity;
    for (const { slices } of this.open)
      for (const { records } of slices) if (records.length > 0) oldest = Math.min(oldest, records[0]!.timestamp);
    return oldest === Infinity ? 0 : Math.max(0, (Date.now() - oldest) / 1000);
  }

  received(round: Round): void {
    const { records } = round;
    this.open.add(round);
    if (this.totals.firstAt === 0) this.totals.firstAt = Date.now();
    this.totals.received += records;
    this.counters.received.inc(records);
  }

  retried(round: Round, step: 'judge' | 'settle'): void {
    this.retries.inc({ step });
    if (step === 'judge') return;
    this.totals.retries++;
    if (round.slices.some(({ verdicts }) => verdicts.includes(REJECT))) this.counters.writeFailures.inc();
  }

  voided(round: Round): void {
    this.open.delete(round);
    this.totals.voided++;
    this.commits.inc({ result: 'void' });
  }

  givenBack(round: Round): void {
    this.open.delete(round);
  }

  /** Counts a round once it is committed. @param now performance.now() */
  settled(round: Round, now: number): void {
    const { totals, counters } = this;
    totals.rounds++;
    this.open.delete(round);
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
      if (first !== undefined) this.endToEnd.observe(Math.max(0, Date.now() - extractedAt(first)) / 1000);
    }
    this.commits.inc({ result: 'ok' });
    const { startedAt, judgedAt = now, settlingAt = now } = round;
    this.durations.batch.observe((now - startedAt) / 1000);
    this.durations.judge.observe((judgedAt - startedAt) / 1000);
    this.durations.settle.observe((now - settlingAt) / 1000);
    totals.lastAt = Date.now();
    this.progress.set(totals.lastAt / 1000);
  }

  private outcomes(outcomes: Uint8Array, verdicts: Uint8Array): void {
    const counts = new Uint32Array(OUTCOMES.length);
    for (let i = 0; i < outcomes.length; i++) if (verdicts[i] === PASS) counts[outcomes[i]!]!++;
    for (const [index, outcome] of OUTCOMES.entries()) {
      this.totals.outcomes[outcome] += counts[index]!;
      this.written.inc({ outcome }, counts[index]!);
      if (outcome === 'unchanged') this.counters.duplicate.inc(counts[index]!);
    }
  }
}

/** ms since the epoch; the header is not unpacked for it. */
const extractedAt = ({ header, timestamp }: InputRecord): number =>
  header !== undefined && header.length > FIXED_BYTES ? header.readUIntBE(EXTRACTED_AT, 6) : timestamp;

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
