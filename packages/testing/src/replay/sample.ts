/** The flow of the replay tests: one transformer whose rule a test may replace, and a loader behind it. */
import type { DeadLetter, DeadLetterDetail, Page } from '@quadrille/replay/api';
import {
  type Addresses,
  drained,
  dropTable,
  type FlowFixture,
  flowFixture,
  type ReplayService,
  records,
  rows,
  type StationProcess,
  startReplayService,
  startStation,
  until,
} from '../harness/index.ts';
import { schema } from '../station/sample.ts';

/** What the rule does with `record`; body of a function. @param to further topics of the station. */
const ruleOf = (body: string, to: readonly string[] = []): string => `
import { rule } from '@quadrille/flow';
import { drop, reject, to } from '@quadrille/record';
export default rule({ doc: 'As the test says.', to: ${JSON.stringify(to)}, examples: [], apply(record) { ${body} } });
`;

/** Does what the field \`does\` says. */
export const STEERED = `
  switch (record.does) {
    case 'drop': return drop('NOT_WANTED');
    case 'reject': return reject('TOO_BAD', 'it is bad', { field: 'does' });
    default: return record;
  }`;

const FLOW = `
flow: FLOW
topics: { FLOW.in: { partitions: 2, external: true }, FLOW.out: { partitions: 2 } }
stations:
  judge:
    transformer: rules/steer.ts
    from: FLOW.in
    to: FLOW.out
    stopTheLine: "off"
  store:
    loader: { type: postgres, table: rows-FLOW, connections: 2 }
    from: FLOW.out
`;

export class Chain implements AsyncDisposable {
  readonly flow: FlowFixture;
  readonly #to: readonly string[];
  judge!: StationProcess;
  store!: StationProcess;
  service!: ReplayService;

  constructor(flow: FlowFixture, to: readonly string[]) {
    this.flow = flow;
    this.#to = to;
  }

  get table(): string {
    return `rows-${this.flow.name}`;
  }

  /** Replaces the rule and starts the station anew, as a deployment does. */
  async deploy(body: string): Promise<void> {
    await this.flow.write('rules/steer.ts', ruleOf(body, this.#to));
    await this.judge.stop();
    await this.deployAfterStop();
  }

  /** Starts the first station again after a test has stopped it. */
  async deployAfterStop(): Promise<void> {
    this.judge = await startStation(this.flow, 'judge');
    await this.judge.running();
  }

  /** Both stations stand at the end of their inputs. */
  async drained(): Promise<void> {
    await drained(this.flow, 'judge');
    await drained(this.flow, 'store');
  }

  /** Rows of the target by id; with xmin, which tells whether a row was touched. */
  async rows(): Promise<Map<string, Record<string, unknown>>> {
    return new Map((await rows(this.flow, this.table)).map((row) => [String(row._id), row]));
  }

  /** Dead letters that the service shows once it has taken them in. */
  async letters(count: number, states = 'open'): Promise<DeadLetter[]> {
    return until(`${count} dead letters ${states}`, async () => {
      const { items } = await this.service.call<Page<DeadLetter>>(`/v1/dead-letters?limit=1000&states=${states}`);
      return items.length === count ? items : undefined;
    });
  }

  /** Every record of a topic. */
  clientRecords(topic: string): ReturnType<typeof records> {
    return records(this.flow, topic);
  }

  letter(id: string): Promise<DeadLetterDetail> {
    return this.service.call(`/v1/dead-letters/${id}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [this.service, this.judge, this.store]) await process?.[Symbol.asyncDispose]();
    await dropTable(this.flow, this.table);
    await this.flow[Symbol.asyncDispose]();
  }
}

/**
 * Flow, both stations and the service, running.
 * @param addresses of servers other than those of the run.
 * @param to topics that the first station writes beside `FLOW.out`.
 */
export async function startChain(
  body = STEERED,
  addresses?: Addresses,
  to: Readonly<Record<string, object>> = {},
): Promise<Chain> {
  const topics = Object.keys(to);
  const chain = new Chain(
    await flowFixture({
      files: {
        'flow.yaml': FLOW.replace('to: FLOW.out', `to: [${['FLOW.out', ...topics].join(', ')}]`),
        'rules/steer.ts': ruleOf(body, topics),
      },
      schemas: { 'FLOW.in': schema('In'), 'FLOW.out': schema('Out'), ...to },
      ...(addresses === undefined ? {} : { addresses }),
    }),
    topics,
  );
  try {
    [chain.judge, chain.store, chain.service] = await Promise.all([
      startStation(chain.flow, 'judge'),
      startStation(chain.flow, 'store'),
      startReplayService(chain.flow),
    ]);
    await Promise.all([chain.judge.running(), chain.store.running(), chain.service.ready()]);
    return chain;
  } catch (error) {
    await chain[Symbol.asyncDispose]();
    throw error;
  }
}
