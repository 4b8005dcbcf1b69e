/** The flows that the service answers for, as their files say now. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Flow, readFlow } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import type { Log } from '@quadrille/station';
import { readSensitivity, type Sensitivity } from './http/sensitivity.ts';

const LOOK_MS = 2_000;

export class Flows {
  /** By name. The map stays the same when a file changes; what it holds is replaced. */
  readonly byName = new Map<string, Flow>();
  /** What may not be shown to everybody. */
  sensitivity!: Sensitivity;
  readonly #paths: readonly string[];
  #stamp = '';

  private constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /** @throws Faults of all files; CONFIG_INVALID when two flows have one name. */
  static async read(paths: readonly string[]): Promise<Flows> {
    const flows = new Flows(paths);
    await flows.#load();
    return flows;
  }

  /**
   * Looks every two seconds whether a flow file or a schema was changed; a file that is not valid changes nothing.
   * Polled, since editors replace files, which other ways of watching lose. Ends with the signal.
   */
  async watch(signal: AbortSignal, log: Log): Promise<void> {
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const stamp = await this.#look();
      if (stamp === this.#stamp) continue;
      try {
        await this.#load();
        log.info({ flows: [...this.byName.keys()] }, 'flow files read again');
      } catch (error) {
        if (!(error instanceof Fault || error instanceof Faults)) throw error;
        this.#stamp = stamp;
        log.warn({ reason: error.format() }, 'a flow file was changed, but cannot be used; all goes on as it was');
      }
    }
  }

  async #load(): Promise<void> {
    const faults: Fault[] = [];
    const read = new Map<string, Flow>();
    for (const path of this.#paths) {
      try {
        const flow = await readFlow(path);
        const other = read.get(flow.name);
        if (other !== undefined)
          faults.push(
            new Fault('CONFIG_INVALID', `${other.file} and ${flow.file} are both called ${flow.name}`, {
              place: 'QUADRILLE_FLOWS',
            }),
          );
        read.set(flow.name, flow);
      } catch (error) {
        if (error instanceof Faults) faults.push(...error.faults);
        else if (error instanceof Fault) faults.push(error);
        else throw error;
      }
    }
    if (faults.length > 0) throw new Faults(faults);
    const sensitivity = await readSensitivity(read.values());
    this.byName.clear();
    for (const [name, flow] of read) this.byName.set(name, flow);
    this.sensitivity = sensitivity;
    this.#stamp = await this.#look();
  }

  /** Changes whenever one of the files does. */
  async #look(): Promise<string> {
    const files = [...this.byName.values()].flatMap((flow) => [
      flow.file,
      ...[...flow.topics.keys()].map((topic) => join(flow.schemas, `${topic}.avsc`)),
    ]);
    const stamps = await Promise.all(
      files.map((file) =>
        stat(file).then(
          ({ mtimeMs, size }) => `${mtimeMs}/${size}`,
          () => 'absent',
        ),
      ),
    );
    return stamps.join(' ');
  }
}
