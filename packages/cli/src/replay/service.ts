/**
 * Finds the replay service: named by the environment, the one beside the `up` of this folder, or one that is started with
 * the folder's stack for the time of a command.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StackAddresses, startStack } from '@quadrille/devstack';
import { Fault } from '@quadrille/record';
import type { ReplayStatus } from '@quadrille/replay';
import type { ServiceStatus } from '@quadrille/replay/api';
import type { Context } from '../command.ts';
import { findServers, orCancelled } from '../servers.ts';
import { type RunningReplay, runningReplay, runningUp, stateFolder } from '../state.ts';
import { replayEnv, replayTokenFile } from '../up/replay-process.ts';
import { mainOf } from '../up/supervised-process.ts';
import { ReplayClient } from './client.ts';

const READY_MS = 120_000;

/** @throws Cancelled when the user gives up, once all that was started is stopped. */
export async function withReplay<T>(context: Context, work: (client: ReplayClient) => Promise<T>): Promise<T> {
  const { env, cwd, cancel } = context;
  const named = env.QUADRILLE_REPLAY_URL;
  if (named)
    return orCancelled(context, whole(context, new ReplayClient(named, tokenOf(env, undefined), cancel), work));
  const beside = await orCancelled(context, besideUp(context));
  if (beside !== undefined)
    return orCancelled(
      context,
      whole(context, new ReplayClient(beside.url, tokenOf(env, beside.tokenFile), cancel), work),
    );
  const found = await findServers(context);
  const stack = found === undefined ? await startForNow(context) : undefined;
  try {
    const service = await startService(context, found ?? stack!);
    try {
      return await orCancelled(
        context,
        work(new ReplayClient(service.url, tokenOf(env, replayTokenFile(cwd)), cancel)),
      );
    } finally {
      await service.stop();
    }
  } finally {
    await stack?.stop();
  }
}

/** Whether one is named, or runs beside the `up` of this folder: none would have to be started. */
export const isReplayThere = ({ env, cwd }: Context): boolean =>
  Boolean(env.QUADRILLE_REPLAY_URL) || runningReplay(cwd) !== undefined;

const LOOK_MS = 250;
/** Said after so many looks. */
const SAID_AFTER = 4;

/**
 * The one beside the `up` of this folder. Where that has just started it, it is waited for: one more would only stand by,
 * and never have read anything. @throws Fault REPLAY_UNAVAILABLE
 */
async function besideUp({ cwd, cancel }: Context): Promise<RunningReplay | undefined> {
  const end = Date.now() + READY_MS;
  while (!cancel.aborted && runningUp(cwd)?.replay === true) {
    const beside = runningReplay(cwd);
    if (beside !== undefined) return beside;
    if (Date.now() > end)
      throw new Fault('REPLAY_UNAVAILABLE', `the one of \`up\` does not listen after ${READY_MS / 1000} s`);
    await sleep(LOOK_MS, undefined, { signal: cancel }).catch(() => {});
  }
  return runningReplay(cwd);
}

/** Waits until what the service shows is complete: one that has just started would say that there is nothing. */
async function whole<T>(
  { err, cancel }: Context,
  client: ReplayClient,
  work: (client: ReplayClient) => Promise<T>,
): Promise<T> {
  const end = Date.now() + READY_MS;
  for (let look = 1; !cancel.aborted; look++) {
    const { caughtUp, behind } = await client.get<ServiceStatus>('/v1/status');
    if (caughtUp) break;
    if (Date.now() > end)
      throw new Fault('REPLAY_UNAVAILABLE', `it has not taken in the topics after ${READY_MS / 1000} s`);
    if (look === SAID_AFTER)
      err(
        `the replay service is still reading dead letters and ledger${behind > 0 ? `, ${behind} records behind` : ''}`,
      );
    await sleep(LOOK_MS, undefined, { signal: cancel }).catch(() => {});
  }
  return work(client);
}

/** @throws Fault UNAUTHENTICATED */
function tokenOf(env: Context['env'], file: string | undefined): string {
  if (env.QUADRILLE_TOKEN) return env.QUADRILLE_TOKEN;
  const place = env.QUADRILLE_TOKEN_FILE || file;
  try {
    if (place !== undefined) return readFileSync(place, 'utf8').trim();
  } catch (error) {
    throw new Fault('UNAUTHENTICATED', (error as Error).message, { cause: error });
  }
  throw new Fault('UNAUTHENTICATED', 'QUADRILLE_TOKEN is not set');
}

function startForNow(context: Context): ReturnType<typeof startStack> {
  context.err('no stack is running here: starting it, and the replay service, for the time of this command');
  return startStack({
    dir: stateFolder(context.cwd),
    env: { ...context.env },
    onProgress: (line) => context.err(line),
  });
}

/** Of every flow in `flows`, and the one that runs here. @throws Fault USAGE, REPLAY_UNAVAILABLE */
async function startService(
  context: Context,
  addresses: StackAddresses,
): Promise<{ url: string; stop(): Promise<void> }> {
  const { cwd } = context;
  const up = runningUp(cwd)?.flow;
  const flows = new Set(globSync('flows/*/flow.yaml', { cwd }).map((file) => join(cwd, file)));
  if (existsSync(join(cwd, 'flow.yaml'))) flows.add(join(cwd, 'flow.yaml'));
  if (up !== undefined) flows.add(up);
  if (flows.size === 0)
    throw new Fault('USAGE', 'there is no flow here', { help: 'go to a folder that holds flow.yaml, or flows/' });
  const { NODE_TEST_CONTEXT: _, ...env } = replayEnv(context, { addresses, flows: [...flows] });
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', mainOf('replay')], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...env, QUADRILLE_LOG: context.env.QUADRILLE_LOG ?? 'error' },
  });
  let words = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(-4_000);
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(force);
  };
  try {
    const url = await orCancelled(
      context,
      new Promise<string>((resolve, reject) => {
        const late = (what: string): void => reject(new Fault('REPLAY_UNAVAILABLE', `${what}\n${words.trim()}`.trim()));
        const timer = setTimeout(() => late(`not ready after ${READY_MS / 1000} s`), READY_MS);
        child.on('message', ({ status }: { status?: ReplayStatus }) => {
          if (status?.caughtUp !== true || status.url === undefined) return;
          clearTimeout(timer);
          resolve(status.url);
        });
        void gone.then(() => {
          clearTimeout(timer);
          late('it ended');
        });
      }),
    );
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
