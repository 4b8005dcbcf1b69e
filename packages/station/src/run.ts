/** A station's life: read its configuration, wait for what it needs, run the loop, leave in order. */
import { type Flow, hideSecrets, readStation, type StationKind, type StationSpec } from '@quadrille/flow';
import { Fault, Faults, stationGroup } from '@quadrille/record';
import { acceptLosses } from './accept-loss.ts';
import { SECRET_VARIABLES } from './access.ts';
import { readConfig, type StationConfig } from './config.ts';
import { connect, type Station } from './connect.ts';
import { faultOf } from './control.ts';
import { createLog, defectOf, type Log } from './log.ts';
import { settle } from './settle.ts';
import { runLoop } from './station.ts';
import { openTraces, type TracedService } from './traces/traces.ts';
import { VERSION } from './version.ts';

/** What tests replace to show what the order of the settle is for. */
export interface RunOptions {
  settle?: typeof settle;
}

/** Exit codes of a station's process: left in order; a person must mend something; start it again. */
export const EXIT = { done: 0, config: 1, dead: 70 } as const;
/** From SIGTERM until the process ends by force. */
export const GRACE_MS = 30_000;
const CRASH_LIMIT_MS = 2_000;

/** Runs the station named by the environment until SIGTERM or SIGINT. Never returns otherwise: sets the exit code and ends. */
export async function runStation(kind: StationKind, options: RunOptions = {}): Promise<void> {
  let log: Log | undefined;
  const defect = (error: unknown): never => {
    report(error, log);
    process.exit(EXIT.dead);
  };
  process.on('uncaughtException', defect).on('unhandledRejection', defect);
  try {
    // A copy: what is taken out of the environment next is read again for each connection.
    const config = readConfig({ ...process.env });
    for (const name of SECRET_VARIABLES) delete process.env[name];
    log = createLog({ station: config.station, instance: config.instance }, config.logLevel);
    process.exitCode = await live(kind, config, log, options);
  } catch (error) {
    report(error, log);
    process.exitCode = isForPeople(error) ? EXIT.config : EXIT.dead;
  }
  // Clients may hold sockets and timers; there is nothing left to wait for.
  setTimeout(() => process.exit(), CRASH_LIMIT_MS).unref();
  if (process.connected) process.disconnect();
}

/** Something that starting again cannot mend. */
const isForPeople = (error: unknown): boolean =>
  error instanceof Faults || (error instanceof Fault && error.class !== 'dependency');

function report(error: unknown, log: Log | undefined): void {
  if (error instanceof Fault || error instanceof Faults) process.stderr.write(`${error.format()}\n`);
  else if (log === undefined) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  else log.fatal(defectOf(error), 'defect');
}

async function live(kind: StationKind, config: StationConfig, base: Log, options: RunOptions): Promise<number> {
  const { flow, station: spec } = await readStation(config.flow, config.station);
  const log = base.child({ flow: flow.name });
  // Rules run in this process: what they have no business to see is not in its environment.
  if (spec.kind === 'loader') hideSecrets(process.env, spec.target.config);
  if (spec.kind === 'extractor') hideSecrets(process.env, spec.source.config);
  if (spec.kind !== kind)
    throw new Fault('CONFIG_INVALID', `${spec.name} is ${aOrAn(spec.kind)}, not ${aOrAn(kind)}`, { place: spec.place });

  let stop: (reason: string) => void = () => {};
  const stopped = new Promise<string>((resolve) => {
    stop = resolve;
  });
  const dead: { fault?: Fault } = {};
  let die: (fault: Fault) => void = () => {};
  const died = new Promise<never>((_, reject) => {
    die = reject;
  });
  died.catch(() => {});
  const onDead = (fault: Fault): void => {
    dead.fault ??= fault;
    die(fault);
    log.fatal({ code: fault.code }, fault.message);
    stop('dead');
  };
  const onSignal = (signal: string): void => stop(signal);
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  process.once('disconnect', () => stop('parent gone'));
  // Gone before anybody listened: no event tells it any more.
  if (process.connected === false) stop('parent gone');

  // What a client waits for may never come once it has given up.
  const traces = await openTraces(config.traces, serviceOf(flow, spec, config), log);
  let station: Station | undefined;
  try {
    station = await Promise.race([connect(flow, spec, config, log, onDead, stopped, traces), died]);
    if (station === undefined) return EXIT.done;
    follow(station, log);
    const { settleOptions } = station;
    const loop = runLoop({ ...station, settle: (round) => (options.settle ?? settle)(round, settleOptions) });
    const replays = runLoop(station.replays);
    const reason = await Promise.race([stopped, loop.then(() => 'done'), replays.then(() => 'done')]);
    log.info({ reason }, 'stopping');
    station.health.stopping();
    setTimeout(() => process.exit(EXIT.dead), GRACE_MS).unref();
    if (dead.fault !== undefined) {
      if (isForPeople(dead.fault)) throw dead.fault;
      return EXIT.dead;
    }
    station.intake.drain();
    station.replays.intake.drain();
    await Promise.all([loop, replays]);
    return EXIT.done;
  } finally {
    await station?.close();
    await traces?.close();
  }
}

const serviceOf = (flow: Flow, spec: StationSpec, { instance }: StationConfig): TracedService => ({
  name: stationGroup(flow.name, spec.name),
  instance,
  version: VERSION,
  attributes: { 'quadrille.flow': flow.name, 'quadrille.station': spec.name },
});

/** Keeps the station's state in step with the control topic: paused, resumed, losses accepted. */
function follow(station: Station, log: Log): void {
  const { control, health, intake } = station;
  let resumedAt = control.resumed?.at ?? 0;
  const apply = (): void => {
    if (control.paused !== undefined) {
      if (health.state !== 'paused') log.warn({ by: control.paused.by }, control.paused.reason || 'paused');
      health.pause(faultOf(control.paused));
      intake.pause();
      return;
    }
    if (health.state === 'paused' || health.state === 'starting') {
      health.running();
      intake.resume();
    }
    const { resumed } = control;
    if (resumed === undefined || resumed.at <= resumedAt) return;
    resumedAt = resumed.at;
    intake.resume();
    if (resumed.acceptLoss)
      void acceptLosses(station, resumed.by).catch((error) =>
        log.error({ error: String(error) }, 'loss not written down'),
      );
  };
  station.onControl(apply);
  apply();
}

const aOrAn = (kind: StationKind): string => (/^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`);
