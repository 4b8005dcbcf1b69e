/** The instances of a flow's stations while they are exchanged: who runs, and what must move on meanwhile. */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { stationGroup } from '@quadrille/record';
import { type FlowFixture, type StationProcess, startStation, until } from '../harness/index.ts';

/** A container platform kills after so long (docs/how-to/run-in-production.md). */
const GRACE_MS = 35_000;

export class Crew implements AsyncDisposable {
  readonly flow: FlowFixture;
  readonly #instances = new Map<string, StationProcess[]>();
  /** The longest that an instance took to leave in order, ms. */
  longestLeave = 0;

  constructor(flow: FlowFixture) {
    this.flow = flow;
  }

  of(station: string): readonly StationProcess[] {
    return this.#instances.get(station) ?? [];
  }

  /** Starts one more. @param folder another version's. @returns once it works. */
  async join(station: string, folder = this.flow.folder): Promise<StationProcess> {
    const started = await startStation(this.flow, station, { QUADRILLE_FLOW: folder, QUADRILLE_LOG: 'warn' });
    this.#instances.set(station, [...this.of(station), started]);
    await started.running();
    return started;
  }

  /** SIGTERM to the oldest, or to `which`. @throws when it does not end in order within its grace */
  async leave(station: string, which = this.of(station)[0]!): Promise<void> {
    this.#instances.set(
      station,
      this.of(station).filter((each) => each !== which),
    );
    const began = performance.now();
    const { code } = await which.stop();
    assert.equal(code, 0, `${which.name} left in order`);
    this.longestLeave = Math.max(this.longestLeave, performance.now() - began);
    assert.ok(this.longestLeave < GRACE_MS, `${which.name} left within its grace`);
  }

  /** One after another: a new one starts and works, then an old one leaves. */
  async roll(station: string, folder: string): Promise<void> {
    for (const old of [...this.of(station)]) {
      await this.join(station, folder);
      await this.flowing(station);
      await this.leave(station, old);
      await this.flowing(station);
    }
  }

  /** Resolves once the station has put `records` more behind it: it works while it is being changed. */
  async flowing(station: string, records = 200): Promise<void> {
    const before = await this.#behind(station);
    await until(`${station} moves on`, async () => (await this.#behind(station)) >= before + records);
  }

  async #behind(station: string): Promise<number> {
    const { clients, flow, name } = this.flow;
    const spec = flow.stations.get(station)!;
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
    if (spec.kind === 'extractor') return sum((await clients.admin.bounds(spec.to)).map(({ high }) => high));
    const positions = await clients.admin.committed(stationGroup(name, station), spec.from);
    return sum(positions.map(({ offset }) => offset ?? 0));
  }

  /** All of them, in order. */
  async end(): Promise<void> {
    const all = [...this.#instances].flatMap(([station, instances]) =>
      instances.map((each) => [station, each] as const),
    );
    await Promise.all(all.map(([station, each]) => this.leave(station, each)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#instances.values()].flat()) await each[Symbol.asyncDispose]();
  }
}
