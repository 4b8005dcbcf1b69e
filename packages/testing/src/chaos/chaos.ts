/** The whole test: one undisturbed run, then disturbed ones that must end the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StationKind } from '@quadrille/flow';
import { makeFlowFolder } from './flow-folder.ts';
import type { ChaosOptions } from './options.ts';
import { formatReport, type Report, reportOf } from './report.ts';
import type { RunResult } from './result.ts';
import { type Run, removeServers, runFlow } from './run-flow.ts';
import { drawSchedule, type Victims } from './schedule.ts';

/** Short, so that a group notices soon; the zombies' sleep is longer. */
const SESSION_TIMEOUT_MS = 6_000;
/** Records a round: few where it is to last, as many as usual where it is not. */
const ROUND = { undisturbed: 4_000, disturbed: 100, short: 40 };
const PATIENCE_MS = 120_000;

/** @returns one report a seed. @throws when the test itself cannot be done. */
export async function chaos(
  options: ChaosOptions,
  tell: (line: string) => void,
  onReport: (report: Report, text: string) => void,
): Promise<Report[]> {
  const base = mkdtempSync(join(tmpdir(), 'quadrille-chaos-'));
  const months = options.short ? 'flights-2013-01.csv.gz' : 'flights-2013-*.csv.gz';
  const calm = {
    flowFolder: makeFlowFolder(join(base, 'undisturbed', 'flow'), { records: ROUND.undisturbed, months }),
    dir: join(base, 'undisturbed'),
  };
  const common = { sessionTimeoutMs: SESSION_TIMEOUT_MS, patienceMs: PATIENCE_MS, tell };
  tell(`logs and state in ${base}`);
  tell('undisturbed run');
  const undisturbed = await runFlow({
    ...common,
    ...calm,
    brokers: 1,
    commitFirst: false,
    schedule: [],
    expected: new Map(),
  });
  const reference = undisturbed.result;
  if (reference === undefined || !reference.books.balanced)
    throw new Error(
      `the undisturbed run failed: ${undisturbed.stuck ?? reference?.books.findings[0]?.text}; see ${base}`,
    );
  await removeServers(calm.dir);
  tell(`undisturbed: ${undisturbed.seconds.toFixed(1)} s`);

  const expected = expectedOf(reference);
  const victims = victimsOf(reference);
  const reports: Report[] = [];
  for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
    const dir = join(base, `seed-${seed}`);
    const schedule = drawSchedule({ ...options, seed, victims, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    const flowFolder = makeFlowFolder(join(dir, 'flow'), {
      records: options.short ? ROUND.short : ROUND.disturbed,
      months,
    });
    tell(`seed ${seed}: ${schedule.length} disturbances, ${options.brokers} broker${options.brokers === 1 ? '' : 's'}`);
    const run: Run = await runFlow({
      ...common,
      dir,
      flowFolder,
      brokers: options.brokers,
      commitFirst: options.commitFirst,
      schedule,
      expected,
    });
    const report = reportOf(options, seed, run, reference, dir);
    reports.push(report);
    onReport(report, formatReport(report, run.result));
    if (!report.ok || options.keep) continue;
    await removeServers(dir);
    rmSync(dir, { recursive: true });
  }
  if (!options.keep && reports.every(({ ok }) => ok)) rmSync(base, { recursive: true });
  return reports;
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
