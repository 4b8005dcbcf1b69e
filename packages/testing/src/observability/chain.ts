/** The flow of the tests beside it: file → extractor → transformer → loader, with the replay service. */
import type { DeadLetter, Page } from '@quadrille/replay/api';
import {
  dropTable,
  type FlowFixture,
  flowFixture,
  type ReplayService,
  type StationProcess,
  startReplayService,
  startStation,
  until,
} from '../harness/index.ts';
import { schema } from '../station/sample.ts';

const FLOW = `
flow: FLOW
topics: { FLOW.read: { partitions: 2 }, FLOW.out: { partitions: 2 } }
stations:
  read:
    extractor: { type: csv, path: data/*.csv, id: "{id}" }
    to: FLOW.read
  judge:
    transformer: rules/steer.ts
    from: FLOW.read
    to: FLOW.out
    stopTheLine: "off"
  store:
    loader: { type: postgres, table: rows-FLOW, connections: 2 }
    from: FLOW.out
`;

/** Does what the field `does` says. */
const RULE = `
import { rule } from '@quadrille/flow';
import { drop, reject } from '@quadrille/record';
export default rule({ doc: 'Does what the record says.', examples: [], apply(record) {
  switch (record.does) {
    case 'drop': return drop('NOT_WANTED');
    case 'reject': return reject('TOO_BAD', 'it is bad', { field: 'does' });
    case 'throw': throw new Error('the rule stumbles over ' + record.id);
    default: return record;
  }
} });
`;

export const STATIONS = ['read', 'judge', 'store'] as const;

export class Chain implements AsyncDisposable {
  readonly flow: FlowFixture;
  readonly stations = new Map<string, StationProcess>();
  service: ReplayService | undefined;

  constructor(flow: FlowFixture) {
    this.flow = flow;
  }

  /** Every station has settled what the file leads to. @param counts received at each */
  async settled(counts: Record<(typeof STATIONS)[number], number>): Promise<void> {
    for (const name of STATIONS)
      await this.stations
        .get(name)!
        .until(({ totals }) => totals.passed + totals.rejected + totals.dropped >= counts[name]);
  }

  /** Dead letters that the service shows once it has taken them in. */
  async letters(count: number, states = 'open'): Promise<DeadLetter[]> {
    return until(`${count} dead letters ${states}`, async () => {
      const { items } = await this.service!.call<Page<DeadLetter>>(`/v1/dead-letters?limit=1000&states=${states}`);
      return items.length === count ? items : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [this.service, ...this.stations.values()]) await process?.[Symbol.asyncDispose]();
    await dropTable(this.flow, `rows-${this.flow.name}`);
    await this.flow[Symbol.asyncDispose]();
  }
}

/** All of it, running. @param rows of the file, below `id,does,n` @param env of every process */
export async function startChain(rows: readonly string[], env: Record<string, string> = {}): Promise<Chain> {
  const chain = new Chain(
    await flowFixture({
      files: { 'flow.yaml': FLOW, 'rules/steer.ts': RULE, 'data/a.csv': `id,does,n\n${rows.join('\n')}\n` },
      schemas: { 'FLOW.read': schema('Read'), 'FLOW.out': schema('Out') },
    }),
  );
  try {
    for (const name of STATIONS) chain.stations.set(name, await startStation(chain.flow, name, env));
    chain.service = await startReplayService(chain.flow, env);
    await Promise.all([...[...chain.stations.values()].map((station) => station.running()), chain.service.ready()]);
    return chain;
  } catch (error) {
    await chain[Symbol.asyncDispose]();
    throw error;
  }
}
