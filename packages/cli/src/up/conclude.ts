/** The end of a run over finite sources: stations stopped, everything reconciled and told. */
import type { Reconciliation } from '@quadrille/record';
import { takePicture } from '@quadrille/station';
import { EXIT, type ExitCode } from '../exit.ts';
import { orCancelled } from '../servers.ts';
import type { DrainEnd } from './drain.ts';
import { isBlocked } from './fleet.ts';
import { reportOf } from './report.ts';
import type { Course } from './run-up.ts';
import { setAside } from './set-aside.ts';
import { summaryLines } from './summary.ts';

/** @returns 0 only when all was drained, balances, and nothing is in conflict. @throws Cancelled */
export async function conclude(
  course: Course,
  end: DrainEnd,
  startedAt: number,
  before: Reconciliation | undefined,
): Promise<ExitCode> {
  const { context, servers, flow, fleet, options } = course;
  context.err(
    end === 'drained'
      ? 'drained: stopping the stations, reconciling'
      : 'some stations cannot go on: stopping all, reconciling what was done',
  );
  const halted = fleet.processes
    .filter(isBlocked)
    .map(({ name, status }) => ({ name, state: status!.state, reason: status!.reason }));
  await fleet.stop();
  return orCancelled(
    context,
    (async () => {
      const fold = await takePicture(servers.kafka, servers.admin, flow);
      const after = fold.reconcile();
      const aside = await setAside(context, servers, flow, after, fold);
      const report = reportOf({ startedAt, before, after, fleet, aside });
      context.out(`${summaryLines(report, after, before !== undefined).join('\n')}\n`);
      for (const { name, state, reason } of halted) {
        context.err(
          `${name} is ${state}${reason === undefined ? '' : `: ${reason.code} ${reason.message}\n  help: ${reason.help}`}`,
        );
      }
      for (const { name, failed } of fleet.failed) context.err(`${name} could not run:\n${failed}`);
      options.writeReport(report);
      const clean = end === 'drained' && after.balanced && after.conflicts === 0 && fleet.failed.length === 0;
      return clean ? EXIT.done : EXIT.findings;
    })(),
  );
}
