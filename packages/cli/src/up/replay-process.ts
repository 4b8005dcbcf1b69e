/** The replay service's process: tells the commands of this folder where it listens. */
import { delimiter, join } from 'node:path';
import type { StackAddresses } from '@quadrille/devstack';
import type { ReplayStatus } from '@quadrille/replay';
import { serverEnv } from '../access.ts';
import type { Context } from '../command.ts';
import { markReplay, stateFolder, unmarkReplay } from '../state.ts';
import { mainOf, SupervisedProcess } from './supervised-process.ts';

const FLAGS = ['--max-old-space-size=256', '--max-semi-space-size=16', '--disable-warning=ExperimentalWarning'];

export interface ReplayServiceOptions {
  addresses: StackAddresses;
  /** Flow files that it answers for. */
  flows: readonly string[];
  say(line: string): void;
}

/** The environment of a replay service on this folder's servers; its token is this folder's. */
export function replayEnv(
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
  { addresses, flows }: Pick<ReplayServiceOptions, 'addresses' | 'flows'>,
): NodeJS.ProcessEnv {
  return {
    ...serverEnv(env, addresses),
    QUADRILLE_FLOWS: flows.join(delimiter),
    QUADRILLE_INSTANCE: `replay@${process.pid}`,
    QUADRILLE_HTTP: '127.0.0.1:0',
    QUADRILLE_TOKEN_FILE: replayTokenFile(cwd),
    // The commands here know the folder's token alone.
    QUADRILLE_TOKENS: undefined,
    QUADRILLE_TOKENS_FILE: undefined,
  };
}

export const replayTokenFile = (cwd: string): string => join(stateFolder(cwd), 'replay.token');

export class ReplayProcess extends SupervisedProcess<ReplayStatus> {
  readonly #context: Context;
  #url: string | undefined;

  constructor(context: Context, options: ReplayServiceOptions) {
    super({
      name: 'replay service',
      main: mainOf('replay'),
      flags: FLAGS,
      env: replayEnv(context, options),
      log: join(stateFolder(context.cwd), 'logs', 'replay.log'),
      say: options.say,
    });
    this.#context = context;
  }

  /** Another address after each start: any free port is taken. */
  protected override onStatus({ url }: ReplayStatus): void {
    if (url === undefined || url === this.#url) return;
    this.#url = url;
    markReplay(this.#context.cwd, { url, tokenFile: replayTokenFile(this.#context.cwd) });
  }

  protected override onEnd(): void {
    this.#url = undefined;
    unmarkReplay(this.#context.cwd);
  }
}
