/** Orders that keep coming: files written as fast as the flow reads them, so that a change falls while records flow on any machine. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FlowFixture } from '../harness/index.ts';
import { standing } from './sample.ts';

const ORDERS_A_FILE = 500;
/** Orders that may wait in files: enough that no station ever waits for the test. */
const AHEAD = 2_000;
const LOOK_MS = 100;

export class Load implements AsyncDisposable {
  /** Written so far. */
  orders = 0;
  readonly #flow: FlowFixture;
  readonly #written: Promise<void>;
  #over = false;

  constructor(flow: FlowFixture) {
    this.#flow = flow;
    this.#written = this.#write();
    this.#written.catch(() => {}); // told by end()
  }

  async #write(): Promise<void> {
    while (!this.#over) {
      const read = await standing(this.#flow);
      while (!this.#over && this.orders - read < AHEAD) await this.#file();
      await pause(LOOK_MS);
    }
  }

  /** Renamed into place: no station sees half a file. */
  async #file(): Promise<void> {
    const lines = Array.from({ length: ORDERS_A_FILE }, (_, i) => orderOf(this.orders + i));
    const name = `orders-${String(this.orders).padStart(9, '0')}.csv`;
    const file = join(this.#flow.folder, 'data', name);
    await writeFile(`${file}.part`, `id,place,cents\n${lines.join('')}`);
    await rename(`${file}.part`, file);
    this.orders += ORDERS_A_FILE;
  }

  /** No more files from now on. @returns how many orders there are in all. @throws what kept it from writing */
  async end(): Promise<number> {
    this.#over = true;
    await this.#written;
    return this.orders;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end().catch(() => {});
  }
}

/** Of a hundred, one is dropped, one rejected by the rule, one by the lookup. */
function orderOf(n: number): string {
  const cents = n % 100 === 10 ? 0 : n % 100 === 20 ? -n : 100 + (n % 977);
  return `o-${n},${n % 100 === 30 ? 'nowhere' : n % 8},${cents}\n`;
}
