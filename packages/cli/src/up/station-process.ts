/** One station's process, with what it has received. */
import type { StationSpec } from '@quadrille/flow';
import type { StationStatus } from '@quadrille/station';
import { mainOf, type ProcessOptions, SupervisedProcess } from './supervised-process.ts';

/**
 * Rounds are bounded in bytes; these bound the rest, so that a station stays under 300 MB. A young generation of 16 MB
 * holds a round: with 8 a fifth of the processor's time went into moving what was about to die (`npm run bench`).
 */
export const STATION_FLAGS: readonly string[] = [
  '--max-old-space-size=192',
  '--max-semi-space-size=16',
  '--disable-warning=ExperimentalWarning',
];

/** `name` is `<station>`, or `<station>-2` and so on where there are several. */
export class StationProcess extends SupervisedProcess<StationStatus> {
  readonly spec: StationSpec;
  /** Totals of former processes of this run, so that a restart does not set the display back. */
  received = 0;
  /** When its received records first and last grew in this run, ms since the epoch, to half a second; 0 before. */
  firstAt = 0;
  lastAt = 0;

  constructor(spec: StationSpec, options: Omit<ProcessOptions, 'main' | 'flags'>) {
    super({ ...options, main: mainOf(spec.kind), flags: STATION_FLAGS });
    this.spec = spec;
  }

  /** Received by all its processes of this run. */
  get total(): number {
    return this.received + (this.isFresh ? (this.status?.totals.received ?? 0) : 0);
  }

  protected override onStatus(status: StationStatus): void {
    if (status.totals.received <= (this.isFresh ? (this.status?.totals.received ?? 0) : 0)) return;
    this.lastAt = Date.now();
    this.firstAt ||= this.lastAt;
  }

  protected override onEnd(): void {
    this.received += this.status?.totals.received ?? 0;
  }
}
