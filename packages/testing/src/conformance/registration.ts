/**
 * `describe` and `test` of the suites. Where a list is asked for (listing.ts) they write down what would be run, and for
 * which type, instead of running it: the page docs/reference/conformance.md is made of that.
 */
import { describe as nodeDescribe, test as nodeTest, type TestContext } from 'node:test';

/** One test of a suite, for one fixture. */
export interface Registered {
  suite: 'source' | 'source in its station' | 'target';
  /** Name of the fixture: the type, and behind a comma which kind of it. */
  fixture: string;
  test: string;
  /** Why it is left out; undefined when it is run. */
  lacking?: string | undefined;
}

interface TestOptions {
  timeout?: number;
  skip?: string;
  /** Part of what it is about cannot be, and why; it is run for the rest. */
  lacking?: string | undefined;
}

/** In this process only. */
const LIST = Symbol.for('quadrille.conformance.list');
const place = globalThis as { [LIST]?: Registered[] };

/** From now on tests are written down instead of run. */
export function listOnly(): Registered[] {
  place[LIST] ??= [];
  return place[LIST];
}

let around: Pick<Registered, 'suite' | 'fixture'> | undefined;

/** The tests of one fixture. */
export function describe(
  suite: Registered['suite'],
  fixture: string,
  options: { skip?: string },
  body: () => void,
): void {
  if (place[LIST] === undefined) {
    const [kind, where = ''] = suite.split(/(?<=^source)(?= )/);
    nodeDescribe(`${kind} ${fixture}: conformance${where}`, options, body);
    return;
  }
  around = { suite, fixture };
  body();
  around = undefined;
}

export function test(name: string, options: TestOptions, body: (t: TestContext) => Promise<void>): void {
  const { lacking, ...own } = options;
  if (around !== undefined) place[LIST]?.push({ ...around, test: name, lacking: own.skip ?? lacking });
  else nodeTest(name, own, body);
}
