/** Does what a schedule says: to stations, each on its own; to servers, one after another. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Faultable, Stack } from '@quadrille/devstack';
import { electPreferredLeaders } from './elect-leaders.ts';
import type { Fleet, Instance } from './fleet.ts';
import type { Disturbance } from './schedule.ts';

/** A disturbance as it happened. */
export interface Blow extends Disturbance {
  /** Seconds since the stations were started. */
  seconds: number;
  /** Share of its records that the station had behind it when it fell; 1 or more: it came too late to prove anything. */
  struckAt: number;
  detail: string;
}

export interface DisturberOptions {
  stack: Stack;
  fleet: Fleet;
  /** The last known share of a station's records. */
  progressOf(station: string): number;
  /** Seconds since the stations were started. */
  clock(): number;
  tell(line: string): void;
}

const SERVERS = new Set(['broker', 'leaders', 'registry', 'database']);
/** A process that has just been started is not worth killing. */
const UP_WITHIN_MS = 30_000;
/** A woken zombie has so long to do harm. */
const ZOMBIE_MS = 3_000;
const ELECTIONS = 20;

export class Disturber {
  readonly blows: Blow[] = [];
  private readonly options: DisturberOptions;
  /** The last disturbance in each queue. */
  private readonly queues = new Map<string, Promise<void>>();
  private open = 0;

  constructor(options: DisturberOptions) {
    this.options = options;
  }

  get busy(): boolean {
    return this.open > 0;
  }

  /** Takes its turn behind what is being done to the same station, or to any server. */
  start(disturbance: Disturbance): void {
    const queue = SERVERS.has(disturbance.kind) ? 'servers' : disturbance.station;
    this.open++;
    const turn = (this.queues.get(queue) ?? Promise.resolve())
      .then(() => this.perform(disturbance))
      .finally(() => this.open--);
    this.queues.set(queue, turn);
  }

  /** @throws what went wrong with a disturbance itself: the test has then proved nothing. */
  async finished(): Promise<void> {
    await Promise.all(this.queues.values());
  }

  private async perform(disturbance: Disturbance): Promise<void> {
    const { kind, delayMs } = disturbance;
    await sleep(delayMs);
    if (kind === 'kill') return this.kill(disturbance);
    if (kind === 'pause') return this.zombie(disturbance);
    if (kind === 'join') return this.company(disturbance);
    return this.outage(disturbance);
  }

  private strike(disturbance: Disturbance, detail: string): void {
    const { clock, progressOf, tell, fleet } = this.options;
    const struckAt = progressOf(disturbance.station);
    const blow = { ...disturbance, seconds: clock(), struckAt, detail };
    this.blows.push(blow);
    const states = fleet
      .all()
      .map(({ name, status }) => (status?.state === 'running' ? undefined : `${name} ${status?.state ?? 'gone'}`));
    const others = states.filter((state) => state !== undefined).join(', ');
    tell(
      `${detail} (${disturbance.station} at ${Math.round(struckAt * 100)} %)${others === '' ? '' : `; meanwhile ${others}`}`,
    );
  }

  private async kill(disturbance: Disturbance): Promise<void> {
    const instance = await this.oldest(disturbance.station);
    this.strike(disturbance, `kill -9 ${instance.name}`);
    instance.kill();
  }

  /** One stands still for longer than its session while another takes its partitions over, then wakes up. */
  private async zombie(disturbance: Disturbance): Promise<void> {
    const { fleet, tell } = this.options;
    const { station, forMs, how } = disturbance;
    const old = await this.oldest(station);
    const heir = fleet.start(station);
    await this.up(heir);
    old.pause();
    this.strike(disturbance, `SIGSTOP ${old.name} for ${forMs} ms, ${heir.name} beside it`);
    await sleep(forMs);
    old.resume();
    tell(`SIGCONT ${old.name}`);
    await sleep(ZOMBIE_MS);
    await this.leave(how === 'old' ? old : heir);
  }

  /** Two work side by side; one is killed, so that the other must wait for the end of its session; the other leaves. */
  private async company(disturbance: Disturbance): Promise<void> {
    const { fleet, tell } = this.options;
    const { station, forMs, how } = disturbance;
    const old = await this.oldest(station);
    const second = fleet.start(station);
    this.strike(disturbance, `${second.name} joins ${old.name}`);
    await this.up(second);
    await sleep(forMs);
    const [leaving, killed] = how === 'old' ? [old, second] : [second, old];
    killed.kill();
    tell(`kill -9 ${killed.name} beside ${leaving.name}`);
    await this.up(killed);
    await this.leave(leaving);
  }

  private async leave(instance: Instance): Promise<void> {
    const ordered = await this.options.fleet.remove(instance);
    this.options.tell(`${instance.name} has left${ordered ? '' : ' only when killed'}`);
  }

  private async outage(disturbance: Disturbance): Promise<void> {
    const { kind, how, forMs, broker } = disturbance;
    const { stack, tell } = this.options;
    const server: Faultable =
      kind === 'registry' ? stack.registry : kind === 'database' ? stack.database : stack.broker(broker);
    const name = kind === 'registry' ? 'registry' : kind === 'database' ? 'PostgreSQL' : `broker ${broker + 1}`;
    this.strike(disturbance, `${how === 'kill' ? 'kill -9' : 'stop'} ${name} for ${forMs} ms`);
    await (how === 'kill' ? server.kill() : server.stop());
    await sleep(forMs);
    await server.start();
    tell(`${name} is back`);
    if (kind === 'leaders') await this.bringLeadersBack();
  }

  private async bringLeadersBack(): Promise<void> {
    const { stack, tell } = this.options;
    let moved = 0;
    for (let i = 0; i < ELECTIONS; i++) {
      const election = await electPreferredLeaders(stack.brokers[0]!);
      moved += election.moved;
      if (election.refused === 0) break;
      // The broker that came back is still catching up.
      await sleep(500);
    }
    tell(`${moved} leaders moved back by election`);
  }

  private async oldest(station: string): Promise<Instance> {
    const instance = this.options.fleet.of(station)[0]!;
    await this.up(instance);
    return instance;
  }

  /** Waits until it works, or is held up by a server; a server's outage is no reason to spare it. */
  private async up(instance: Instance): Promise<void> {
    for (let waited = 0; waited < UP_WITHIN_MS && !instance.working; waited += 20) await sleep(20);
  }
}
