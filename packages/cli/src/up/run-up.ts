/** The course of `quadrille up`, from the first server to the last line of its summary. */
import { setTimeout as wait } from 'node:timers/promises';
import { startStack } from '@quadrille/devstack';
import { type Flow, readFlow, type StationSpec } from '@quadrille/flow';
import { Fault, LEDGER_TOPIC, type Reconciliation } from '@quadrille/record';
import { takePicture } from '@quadrille/station';
import { checkRegistry, withDatabase } from '../access.ts';
import type { Context } from '../command.ts';
import { Cancelled, formatError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { clientsOf, orCancelled, type Servers } from '../servers.ts';
import { markUp, stateFolder, unmarkUp } from '../state.ts';

import { askAgain } from './again.ts';
import { conclude } from './conclude.ts';
import { type DrainEnd, untilDrained } from './drain.ts';
import { Fleet } from './fleet.ts';
import { watchFlow } from './graft.ts';
import { prepare } from './prepare.ts';
import { Progress } from './progress.ts';
import type { Report } from './report.ts';

export interface UpOptions {
  /** Path of the flow. */
  flow: string;
  drain: boolean;
  again: boolean;
  /** Names of stations; undefined: all. */
  only: readonly string[] | undefined;
  /** Whether the replay service runs beside the stations. A run to the end goes without: nobody could ask it afterwards. */
  replay: boolean;
  /** What is around the flow is played also where servers are given by address. */
  outside: boolean;
  stack: 'local' | 'docker' | undefined;
  writeReport(report: Report): void;
}

/** @throws what `formatError` shows; nothing that was started is left. */
export async function runUp(context: Context, options: UpOptions): Promise<ExitCode> {
  const startedAt = Date.now();
  const flow = await readFlow(options.flow);
  const chosen = choose(flow, options.only);
  const progress = new Progress(context);
  context.cancel.addEventListener('abort', () => progress.say('stopping in order; once more ends it at once'), {
    once: true,
  });
  const stack = await startStack({
    dir: stateFolder(context.cwd),
    ...(options.stack === undefined ? {} : { kind: options.stack }),
    env: withDatabase(context.env),
    checkRegistry: checkRegistry(context.env),
    onProgress: progress.say,
  });
  const replay = options.replay && !options.drain;
  const since = new Date().toISOString();
  markUp(context.cwd, { pid: process.pid, flow: flow.file, name: flow.name, since, replay });
  const servers = clientsOf(context, stack);
  const fleet = new Fleet(context, flow, stack, progress.say);
  try {
    const before = await orCancelled(context, makeReady(servers, flow, options, progress.say));
    await startOutside(flow, stack.kind === 'given' && !options.outside, fleet, progress.say, context);
    for (const spec of chosen) fleet.start(spec);
    if (replay) fleet.startReplay();
    progress.start(fleet, flow, servers.admin);
    progress.say(
      `${flow.name}: ${fleet.processes.length} stations started, logs in ${stateFolder(context.cwd)}/logs/${flow.name}`,
    );
    const course: Course = { context, servers, flow, fleet, progress, options };
    if (!options.drain) return await stay(course);
    const end = await drain(course);
    progress.stop();
    if (end === 'cancelled') {
      context.err('cancelled; the next run goes on from here');
      return EXIT.cancelled;
    }
    return await conclude(course, end, startedAt, before);
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    return options.drain ? EXIT.cancelled : EXIT.done;
  } finally {
    progress.stop();
    await fleet.stop();
    await servers.admin.close().catch(() => {});
    unmarkUp(context.cwd);
    await stack.stop();
  }
}

/** What a run consists of; the flow is replaced when its file gains stations. */
export interface Course {
  context: Context;
  servers: Servers;
  flow: Flow;
  fleet: Fleet;
  progress: Progress;
  options: UpOptions;
}

function choose(flow: Flow, only: readonly string[] | undefined): StationSpec[] {
  if (only === undefined) return [...flow.stations.values()];
  return only.map((name) => {
    const spec = flow.stations.get(name);
    if (spec === undefined)
      throw new Fault('NOT_FOUND', `station \`${name}\``, {
        place: flow.name,
        help: `one of: ${[...flow.stations.keys()].join(', ')}`,
      });
    return spec;
  });
}

async function startOutside(
  { outside }: Flow,
  isElsewhere: boolean,
  fleet: Fleet,
  say: (line: string) => void,
  context: Context,
): Promise<void> {
  if (outside === undefined) return;
  if (isElsewhere)
    return say('these servers have a world of their own: `outside` of the flow file is not started; --outside does it');
  say('starting what is around the flow');
  await orCancelled(context, fleet.startOutside(outside));
}

/** @returns the ledger's picture before this run, for telling what this run has done; undefined when there is none yet. */
async function makeReady(
  servers: Servers,
  flow: Flow,
  options: UpOptions,
  say: (line: string) => void,
): Promise<Reconciliation | undefined> {
  const isNew = !(await servers.admin.listTopics()).includes(LEDGER_TOPIC);
  const created = await prepare(servers, flow);
  if (created > 0) say(`${created} topics created`);
  if (options.again) {
    await askAgain(servers, flow);
    say('every source is extracted from its beginning again');
  }
  return isNew || !options.drain ? undefined : (await takePicture(servers.kafka, servers.admin, flow)).reconcile();
}

/** Until Ctrl-C; stations that are added to the flow file join. */
async function stay(course: Course): Promise<ExitCode> {
  const { context, progress } = course;
  const end = graft(course);
  progress.say('Ctrl-C ends it');
  // A timer, too, keeps this process alive where all stations have failed.
  while (!context.cancel.aborted) await wait(60_000, undefined, { signal: context.cancel }).catch(() => {});
  end();
  progress.stop();
  return EXIT.done;
}

async function drain(course: Course): Promise<DrainEnd> {
  const { servers, fleet, context } = course;
  const end = graft(course);
  const how = await untilDrained(servers.admin, () => course.flow, fleet, context.cancel);
  end();
  return how;
}

function graft(course: Course): () => void {
  const { servers, flow, fleet, progress, options } = course;
  return watchFlow({
    flow,
    say: progress.say,
    format: (error) => formatError(error),
    end: async (next, gone) => {
      if (options.only === undefined) course.flow = next;
      for (const name of gone) {
        if (!(await fleet.end(name))) continue;
        progress.say(
          `${name} is no longer in the flow file: ended; \`quadrille station remove\` takes it out for good`,
        );
      }
    },
    add: async (next, added) => {
      if (options.only !== undefined) return;
      await prepare(servers, next);
      course.flow = next;
      for (const spec of added) {
        fleet.start(spec);
        progress.say(`${spec.name} is new in the flow file: started`);
      }
    },
  });
}
