/** What a running flow looks like: a table in place on a terminal, else a line every five seconds. Always on stderr. */
import type { Flow } from '@quadrille/flow';
import type { KafkaAdmin } from '@quadrille/station';
import type { Context } from '../command.ts';
import { painter } from '../print/colour.ts';
import { span } from '../print/values.ts';
import type { Fleet } from './fleet.ts';
import { LiveBlock } from './live-block.ts';
import { lagOf } from './positions.ts';
import { lineOf, linesOf, type StationRow } from './rows.ts';

const DRAW_MS = 500;
const LINE_MS = 5_000;
const QUIET_MS = 60_000;
const LAG_MS = 2_000;
/** Rates are taken over this long. */
const RATE_MS = 3_000;

export class Progress {
  #context: Context;
  #fleet: Fleet | undefined;
  #block: LiveBlock | undefined;
  #lag = new Map<string, number>();
  #samples: { at: number; received: Map<string, number> }[] = [];
  #timers: NodeJS.Timeout[] = [];
  #since = Date.now();
  #asking = false;
  #said = { line: '', at: 0 };

  constructor(context: Context) {
    this.#context = context;
  }

  /** A line for a person, above the table where there is one. */
  readonly say = (line: string): void => {
    if (this.#block === undefined) this.#context.err(line);
    else this.#block.above(line);
  };

  start(fleet: Fleet, flow: Flow, admin: KafkaAdmin): void {
    this.#fleet = fleet;
    this.#since = Date.now();
    const { terminal, colour } = this.#context;
    const every = (ms: number, work: () => void): void => void this.#timers.push(setInterval(work, ms));
    every(LAG_MS, () => void this.#askLag(flow, admin));
    if (terminal === undefined) {
      every(DRAW_MS, () => this.#sample());
      every(LINE_MS, () => this.#line());
      return;
    }
    this.#block = new LiveBlock(terminal);
    every(DRAW_MS, () => {
      this.#sample();
      this.#block?.draw(linesOf(this.#rows(), terminal, painter(colour)));
    });
  }

  /** Leaves the last table standing. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.#block?.close();
    this.#block = undefined;
  }

  /** What stands still is said once a minute, or a log of a quiet flow would be long. */
  #line(): void {
    const line = lineOf(this.#rows());
    const now = Date.now();
    if (line === this.#said.line && now - this.#said.at < QUIET_MS) return;
    this.#said = { line, at: now };
    this.#context.err(`${span(now - this.#since).padStart(5)}  ${line}`);
  }

  #sample(): void {
    const at = Date.now();
    this.#samples.push({ at, received: new Map(this.#fleet!.processes.map((each) => [each.name, each.total])) });
    while (this.#samples.length > 2 && this.#samples[1]!.at < at - RATE_MS) this.#samples.shift();
  }

  #rows(): StationRow[] {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    const elapsed = ((last?.at ?? 0) - (first?.at ?? 0)) / 1000;
    return this.#fleet!.processes.map((each) => {
      const totals = each.isFresh ? each.status?.totals : undefined;
      const gained = (last?.received.get(each.name) ?? 0) - (first?.received.get(each.name) ?? 0);
      return {
        station: each.name,
        kind: each.spec.kind,
        state: stateOf(each),
        received: each.total,
        passed: totals?.passed ?? 0,
        dropped: totals?.dropped ?? 0,
        rejected: totals?.rejected ?? 0,
        rate: elapsed > 0 ? Math.max(0, Math.round(gained / elapsed)) : 0,
        lag: each.spec.kind === 'extractor' ? undefined : this.#lag.get(each.spec.name),
      };
    });
  }

  async #askLag(flow: Flow, admin: KafkaAdmin): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    for (const spec of new Set(this.#fleet!.processes.map((each) => each.spec))) {
      const lag = await lagOf(admin, flow, spec).catch(() => undefined);
      if (lag !== undefined) this.#lag.set(spec.name, lag);
    }
    this.#asking = false;
  }
}

function stateOf({ failed, isFresh, status, pid }: Fleet['processes'][number]): string {
  if (failed !== undefined) return 'failed';
  if (pid === undefined) return 'restarting';
  if (!isFresh || status === undefined) return 'starting';
  return status.exhausted === true && status.state === 'running' ? 'exhausted' : status.state;
}
