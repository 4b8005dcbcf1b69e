/** The whole test: one undisturbed run, then disturbed ones that must end the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StationKind } from '@quadrille/flow';
import { makeFlowFolder } from './flow-folder.ts';
import type { ChaosOptions } from './options.ts';
import { formatReport, type Report, reportOf } from './report.ts';
import type { RunResult } from './result.ts';
import { removeServers, runFlow } from './run-flow.ts';
import { drawSchedule, type Victims } from './schedule.ts';

/** Short, so that a group notices soon; the zombies' sleep is longer. */
const SESSION_TIMEOUT_MS = 6_000;
/** Records a round of a station that is hurt: few, so that the flow lasts. */
const ROUND = { year: 100, short: 40 };
const PATIENCE_MS = 120_000;

type Tell = (line: string) => void;

export class Chaos {
  /** Logs and state of all runs. */
  readonly folder = mkdtempSync(join(tmpdir(), 'quadrille-chaos-'));
  private readonly short: boolean;
  private readonly tell: Tell;
  private reference: RunResult | undefined;

  constructor({ short }: Pick<ChaosOptions, 'short'>, tell: Tell) {
    this.short = short;
    this.tell = tell;
  }

  private flowFolder(dir: string, stations: readonly string[]): string {
    const records = this.short ? ROUND.short : ROUND.year;
    const months = this.short ? 'flights-2013-01.csv.gz' : 'flights-2013-*.csv.gz';
    return makeFlowFolder(join(dir, 'flow'), { stations, records, months });
  }

  /** The undisturbed run, once. @throws when even that does not end well. */
  private async calm(): Promise<RunResult> {
    if (this.reference !== undefined) return this.reference;
    const { tell } = this;
    tell('undisturbed run');
    const dir = join(this.folder, 'undisturbed');
    const { result, stuck, seconds } = await runFlow({
      dir,
      flowFolder: this.flowFolder(dir, []),
      brokers: 1,
      sessionTimeoutMs: 30_000,
      commitFirst: false,
      schedule: [],
      expected: new Map(),
      patienceMs: PATIENCE_MS,
      tell,
    });
    if (result === undefined || !result.books.balanced)
      throw new Error(`the undisturbed run failed: ${stuck ?? result?.books.findings[0]?.text}; see ${this.folder}`);
    await removeServers(dir);
    tell(`undisturbed: ${seconds.toFixed(1)} s`);
    this.reference = result;
    return result;
  }

  /** One disturbed run. @throws when servers do not start, or a disturbance could not be done. */
  async run(options: ChaosOptions, seed = options.seed): Promise<{ report: Report; text: string }> {
    const reference = await this.calm();
    const { brokers, commitFirst, keep } = options;
    const dir = join(this.folder, `seed-${seed}-${brokers}${commitFirst ? '-commit-first' : ''}`);
    const victims = victimsOf(reference);
    const schedule = drawSchedule({ ...options, seed, victims, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    this.tell(`seed ${seed}: ${schedule.length} disturbances, ${brokers} broker${brokers === 1 ? '' : 's'}`);
    const run = await runFlow({
      dir,
      flowFolder: this.flowFolder(dir, Object.values(victims)),
      brokers,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      commitFirst,
      schedule,
      expected: expectedOf(reference),
      patienceMs: PATIENCE_MS,
      tell: this.tell,
    });
    const report = reportOf(options, seed, run, reference, dir);
    if (report.ok && !keep) {
      await removeServers(dir);
      rmSync(dir, { recursive: true });
    }
    return { report, text: formatReport(report, run.result) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Records that each station has behind it in the end. */
function expectedOf({ books }: RunResult): Map<string, number> {
  return new Map(
    Object.entries(books.stations).map(([name, { kind, received, passed }]) => [
      name,
      kind === 'extractor' ? (passed ?? 0) : received,
    ]),
  );
}

/** Of each kind the station with the most work. */
function victimsOf({ books }: RunResult): Victims {
  const busiest = Object.entries(books.stations).sort(([, a], [, b]) => a.received - b.received);
  return Object.fromEntries(busiest.map(([name, { kind }]) => [kind, name])) as Record<StationKind, string>;
}
