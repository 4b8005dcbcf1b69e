/** Runs a world: at each tick one process makes one step, and now and then something happens to it. */

import { inputTopic } from '../classify.ts';
import type { StationShape } from '../reconciliation.ts';
import { FLOW, shapeOf, TOPICS } from './flow.ts';
import { Instance } from './instance.ts';
import { Rng } from './rng.ts';
import { type Mutation, World } from './world.ts';

export class Play {
  readonly world: World;
  /** All processes that still make steps: members and zombies. */
  readonly running = new Set<Instance>();
  #rng: Rng;
  /** How rough this world is: some are quiet, so that simple things are tried too. */
  #rough: number;
  #born = 0;
  #calm = false;

  constructor(seed: number, mutation?: Mutation) {
    this.#rng = new Rng(seed);
    this.#rough = this.#rng.pick([0, 0.3, 1, 1, 3]);
    const sparse = new Set(this.#rng.chance(0.5) ? ['odd'] : []);
    this.world = new World(this.#rng, shapeOf(this.#rng.chance(0.3) ? 'latest' : 'earliest'), TOPICS, sparse, mutation);
    for (const station of this.world.shape.stations) {
      this.#start(station);
      if (this.#rng.chance(0.4)) this.#start(station);
      this.#rebalance(station);
    }
  }

  /** @param calm without resets, retention and compaction, while a picture is being taken. */
  ticks(count: number, calm = false): void {
    this.#calm = calm;
    for (let i = 0; i < count; i++) this.#tick();
    this.#calm = false;
  }

  #tick(): void {
    this.world.clock++;
    this.#step(this.#rng.pick([...this.running]));
    if (this.#rng.chance(0.04 * this.#rough)) this.#event(this.#rng.pick(this.world.shape.stations));
  }

  #step(instance: Instance): void {
    if (!instance.asleep && instance.steps.next().done) this.running.delete(instance);
  }

  /** Ends all trouble and lets everything run until nothing is left to do. @returns false when it does not come to rest. */
  drain(): boolean {
    this.world.trouble = 0;
    this.world.draining = true;
    for (const instance of this.running) instance.asleep = false;
    for (const station of this.world.shape.stations) {
      if (this.#members(station).length === 0) this.#start(station);
      this.#rebalance(station);
    }
    let still = 0;
    for (let i = 0; i < 400; i++) {
      const before = this.#state();
      for (const instance of this.running) for (let n = 0; n < 12; n++) this.#step(instance);
      still = this.#state() === before ? still + 1 : 0;
      if (still === 12) return true;
    }
    return false;
  }

  #state(): string {
    return `${this.world.ledger.length} ${[...this.world.groups.values()].map((group) => [...group.commits.values()].map((each) => each.offset).join())}`;
  }

  #members(station: StationShape): Instance[] {
    return [...this.running].filter((each) => each.station === station);
  }

  #start(station: StationShape): void {
    const version = this.#rng.chance(0.2) ? 1 + this.#rng.int(3) : 0;
    this.running.add(new Instance(this.world, station, `${station.name}-${this.#born++}`, version));
  }

  /** Gives the partitions out anew. Members hear of it when they hear of it. */
  #rebalance(station: StationShape): void {
    const group = this.world.group(station.name);
    const members = this.#members(station).filter((each) => !each.asleep);
    group.generation++;
    group.assignment.clear();
    if (members.length === 0) return;
    for (let partition = 0; partition < (TOPICS[inputTopic(FLOW, station)] as number); partition++) {
      group.assignment.set(partition, this.#rng.pick(members));
    }
  }

  #event(station: StationShape): void {
    const members = this.#members(station);
    const [first] = members;
    const dice = this.#rng.next();
    const { world } = this;
    if (dice < 0.2) {
      if (first === undefined) return;
      world.note('crash');
      this.running.delete(first);
      this.#start(station);
      this.#rebalance(station);
    } else if (dice < 0.35) {
      if (first === undefined || first.asleep) return;
      world.note('frozen beyond the session timeout');
      first.asleep = true;
      if (members.length < 3) this.#start(station);
      this.#rebalance(station);
    } else if (dice < 0.5) {
      for (const member of members) member.asleep = false;
    } else if (dice < 0.65) {
      world.note('rebalance');
      if (members.length < 2) this.#start(station);
      this.#rebalance(station);
    } else if (dice < 0.75) {
      const topic = this.#rng.pick(['raw', 'odd', 'good', 'dlq.raw']);
      world.note('foreign record');
      world.produce(topic, this.#rng.int(TOPICS[topic] as number), [{ origin: null, madeBy: null }]);
    } else if (world.mutation === 'broker loses acknowledged records' && dice < 0.85) {
      this.#loseRecords();
    } else if (world.mutation === 'broker loses acknowledged entries' && dice < 0.85) {
      if (world.ledger.length > 0) world.ledger.splice(-1, 1, undefined);
    } else if (!this.#calm) this.#rareEvent(station, this.#rng.next());
  }

  #rareEvent(station: StationShape, dice: number): void {
    const partition = this.#rng.int(TOPICS[inputTopic(FLOW, station)] as number);
    if (dice < 0.2) this.#reset(station, partition, false);
    else if (dice < 0.27) this.#reset(station, partition, true);
    else if (dice < 0.3) this.#forgetPosition(station, partition);
    else if (dice < 0.6) this.#expire(station, partition);
    else this.#compact();
  }

  /** Another tool sets the position of a group that it has stopped; what was under way goes on as zombies. */
  #reset(station: StationShape, partition: number, forward: boolean): void {
    const group = this.world.group(station.name);
    const committed = group.commits.get(partition);
    if (committed === undefined) return;
    const log = this.world.log(inputTopic(FLOW, station), partition);
    const ahead = log.records.length - committed.offset;
    if (forward && (ahead <= 0 || this.world.written(station.name, log.topic, partition).length === 0)) return;
    const offset = forward ? committed.offset + 1 + this.#rng.int(ahead) : this.#rng.int(committed.offset + 1);
    this.world.note(forward ? 'position set forward by another tool' : 'position set back by another tool');
    group.commits.set(partition, { offset, metadata: '', attempt: undefined });
    this.#start(station);
    this.#rebalance(station);
  }

  /** offsets.retention.minutes has passed. */
  #forgetPosition(station: StationShape, partition: number): void {
    const group = this.world.group(station.name);
    if (!group.commits.delete(partition)) return;
    this.world.note('position forgotten by the broker');
    this.#rebalance(station);
  }

  /** Retention: mostly of what was judged, sometimes of what was not. */
  #expire({ name, from }: StationShape, partition: number): void {
    if (from === undefined) return;
    const log = this.world.log(from, partition);
    const judged = Math.min(log.records.length, this.world.group(name).commits.get(partition)?.offset ?? 0);
    const most = this.#rng.chance(0.7) ? judged : log.records.length;
    const low = log.low + this.#rng.int(Math.max(1, most - log.low + 1));
    if (low <= log.low) return;
    this.world.note(low > judged ? 'retention of records that were not judged' : 'retention');
    log.low = low;
  }

  /** Takes away records of a compacted topic; never the last one, as Kafka does. */
  #compact(): void {
    for (const topic of this.world.sparse) {
      for (const log of this.world.logs.get(topic) ?? []) {
        for (const record of log.records.slice(log.untouched, -1)) {
          if (!record.gone && this.#rng.chance(0.5)) {
            record.gone = true;
            this.world.note('record compacted away');
          }
        }
      }
    }
  }

  /** An unclean leader election: the end of a partition is gone. */
  #loseRecords(): void {
    const topic = this.#rng.pick(['raw', 'good', 'dlq.raw']);
    const log = this.world.log(topic, this.#rng.int(TOPICS[topic] as number));
    log.records.splice(Math.max(log.low, log.records.length - 1 - this.#rng.int(3)));
  }
}
