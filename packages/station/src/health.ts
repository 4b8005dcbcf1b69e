/** What a station says of itself. Live is the loop's own heartbeat; ready is that it works, held by nothing. */
import { performance } from 'node:perf_hooks';
import type { Fault } from '@quadrille/record';

export const STATES = ['starting', 'running', 'held', 'paused', 'stuck', 'stopping'] as const;
export type StationState = (typeof STATES)[number];

export class Health {
  /** Since when, Date.now(). */
  since = Date.now();
  state: StationState = 'starting';
  /** Why it is held, paused or stuck. */
  reason: Fault | undefined;
  /** What an operator has to decide, also while it is paused. */
  private blocked: Fault | undefined;
  private beatAt = performance.now();
  private resting = false;

  private become(state: StationState, reason: Fault | undefined): void {
    if (this.state !== state) this.since = Date.now();
    this.state = state;
    this.reason = reason;
  }

  /** The loop has come round. */
  beat(): void {
    this.beatAt = performance.now();
    this.resting = false;
  }

  /** The loop waits for something to do, until it beats again: however long that takes, it is alive. */
  rest(): void {
    this.resting = true;
  }

  get silentMs(): number {
    return this.resting ? 0 : performance.now() - this.beatAt;
  }

  running(): void {
    if (this.state !== 'starting' && this.state !== 'paused') return;
    this.become(this.blocked === undefined ? 'running' : 'stuck', this.blocked);
  }

  hold(reason: Fault): void {
    if (this.state === 'running' || this.state === 'held' || this.state === 'starting') this.become('held', reason);
    this.beatAt = performance.now();
  }

  free(): void {
    if (this.state === 'held') this.become('running', undefined);
    this.beatAt = performance.now();
  }

  pause(reason: Fault): void {
    this.become('paused', reason);
  }

  /** A partition cannot go on until an operator decides. */
  stuck(reason: Fault): void {
    this.blocked = reason;
    this.become('stuck', reason);
  }

  /** The operator has decided, or it is no business of this instance any more. */
  unstuck(): void {
    this.blocked = undefined;
    if (this.state === 'stuck') this.become('running', undefined);
  }

  stopping(): void {
    this.become('stopping', undefined);
  }

  get ready(): boolean {
    return this.state === 'running';
  }
}
