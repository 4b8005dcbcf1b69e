/** The life of a process of the replay service, from configuration to exit code. */
import { Fault, Faults } from '@quadrille/record';
import { createLog, defectOf, EXIT, type Log } from '@quadrille/station';
import { told } from './away.ts';
import { readReplayConfig } from './config.ts';
import { startService } from './service.ts';

/** From SIGTERM until the process ends by force. */
const GRACE_MS = 30_000;
/** What is left open then is not waited for. */
const END_MS = 2_000;
const TELL_MS = 500;

/**
 * Runs the service until SIGTERM or SIGINT, or until the process that started it is gone. Sets the exit code: 0 left in order,
 * 1 a person must mend something, 70 start it again.
 */
export async function runReplayService(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  let log: Log | undefined;
  const defect = (error: unknown): never => {
    report(error, log);
    process.exit(EXIT.dead);
  };
  process.on('uncaughtException', defect).on('unhandledRejection', defect);
  try {
    const config = await readReplayConfig(env);
    log = createLog({ service: 'replay', instance: config.instance }, config.logLevel);
    const ending = new AbortController();
    const end = (reason: string): void => ending.abort(reason);
    process.once('SIGTERM', end).once('SIGINT', end);
    process.once('disconnect', () => end('parent gone'));
    // Gone before anybody listened: no event tells it any more.
    if (process.connected === false) end('parent gone');
    const service = startService(config, log, ending.signal);
    // With a callback, a parent that is gone is no error of ours.
    const tell = (): void => {
      if (process.connected)
        process.send?.({ type: 'status', status: service.status() }, undefined, undefined, () => {});
    };
    const telling = setInterval(tell, TELL_MS);
    ending.signal.addEventListener('abort', () => {
      log?.info({ reason: String(ending.signal.reason) }, 'stopping');
      setTimeout(() => process.exit(EXIT.dead), GRACE_MS).unref();
    });
    try {
      await service.ended;
    } finally {
      clearInterval(telling);
      tell();
    }
    process.exitCode = EXIT.done;
  } catch (thrown) {
    const error = told(thrown);
    report(error, log);
    process.exitCode = isForPeople(error) ? EXIT.config : EXIT.dead;
  }
  setTimeout(() => process.exit(), END_MS).unref();
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
