/** What a person, or a machine, reads when it is over. */
import { type ChaosOptions, commandOf } from './options.ts';
import type { RunResult } from './result.ts';
import type { Run } from './run-flow.ts';
import { byTopic, problemsOf, sumOf } from './verdict.ts';

export interface Report {
  ok: boolean;
  seed: number;
  brokers: number;
  /** Does the same again. */
  command: string;
  seconds: number;
  reference: Summary;
  run: Summary | null;
  /** Counted by the ledger: what attempts that did not count have left in each topic. */
  duplicates: Record<string, number>;
  /** Rows that the loaders met again. */
  unchanged: number;
  unaskedEnds: Run['unasked'];
  blows: { seconds: number; what: string; station: string; at: number }[];
  problems: string[];
  /** Where logs and state are. */
  folder: string;
}

interface Summary {
  tables: RunResult['tables'];
  deadLetters: RunResult['deadLetters'];
  balanced: boolean;
  unaccounted: number;
  conflicts: number;
}

const summary = ({ tables, deadLetters, books }: RunResult): Summary => ({
  tables,
  deadLetters,
  balanced: books.balanced,
  unaccounted: books.unaccounted,
  conflicts: books.conflicts,
});

export function reportOf(options: ChaosOptions, seed: number, run: Run, reference: RunResult, folder: string): Report {
  const problems = problemsOf(run, reference);
  const books = run.result?.books;
  const duplicates = books === undefined ? [] : [...byTopic(books, 'duplicate')].filter(([, count]) => count > 0);
  return {
    ok: problems.length === 0,
    seed,
    brokers: options.brokers,
    command: commandOf(options, seed),
    seconds: run.seconds,
    reference: summary(reference),
    run: run.result === undefined ? null : summary(run.result),
    duplicates: Object.fromEntries(duplicates),
    unchanged: Object.values(books?.stations ?? {}).reduce((sum, { unchanged }) => sum + (unchanged ?? 0), 0),
    unaskedEnds: run.unasked,
    blows: run.blows.map(({ seconds, detail, station, struckAt }) => ({
      seconds,
      what: detail,
      station,
      at: Math.round(struckAt * 1000) / 1000,
    })),
    problems,
    folder,
  };
}

/** A page for a person. */
export function formatReport(report: Report, result: RunResult | undefined): string {
  const { reference, run, problems } = report;
  const lines = [
    `seed ${report.seed}, ${report.brokers} broker${report.brokers === 1 ? '' : 's'}: ${report.blows.length} blows in ${report.seconds.toFixed(0)} s`,
  ];
  if (run !== null && result !== undefined) {
    for (const [table, { rows, checksum }] of Object.entries(run.tables)) {
      const wanted = reference.tables[table];
      lines.push(
        `  table ${table}: ${rows} rows, checksum ${checksum} (undisturbed: ${wanted?.rows}, ${wanted?.checksum})`,
      );
    }
    lines.push(
      `  dead letters: ${run.deadLetters.records} (undisturbed: ${reference.deadLetters.records}), ${run.deadLetters.standing} with those of duplicates`,
    );
    lines.push(
      `  every edge balanced: ${run.balanced ? 'yes' : 'NO'}; ${run.unaccounted} unaccounted, ${run.conflicts} conflicts`,
    );
    const by = Object.entries(report.duplicates).map(([topic, count]) => `${topic} ${count}`);
    lines.push(
      `  duplicates counted by the ledger: ${sumOf(result.books, 'duplicate')}${by.length === 0 ? '' : ` (${by.join(', ')})`}; ${report.unchanged} rows unchanged`,
    );
  }
  if (report.unaskedEnds.length > 0)
    lines.push(
      `  stations that gave up and were started again: ${report.unaskedEnds.map(({ instance }) => instance).join(', ')}`,
    );
  lines.push(
    report.ok
      ? '  nothing lost, nothing twice'
      : `  FAILED:\n${problems
          .slice(0, 20)
          .map((problem) => `    - ${problem}`)
          .join('\n')}`,
  );
  if (problems.length > 20) lines.push(`    … and ${problems.length - 20} more, see --json`);
  if (!report.ok) lines.push(`  again: ${report.command}`, `  logs and state: ${report.folder}`);
  return lines.join('\n');
}
