/** One test of the conformance suite: run where the target promises what it is about, skipped with the reason elsewhere. */
import type { TestContext } from 'node:test';
import type { Target, TargetFeatures } from '@quadrille/flow';
import { test } from './registration.ts';
import { type Part, schema, type TargetFixture, type TargetSample } from './target-sample.ts';

/** What a test asks of a target: features it must declare, parts that its fixture must have. */
export interface Needs extends Partial<{ [F in keyof TargetFeatures]: readonly TargetFeatures[F][] }> {
  parts?: readonly Part[];
}

export type Check = (
  name: string,
  needs: Needs,
  body: (sample: Required<TargetSample>, target: Target, t: TestContext) => Promise<void>,
) => void;

export const checksOf =
  (fixture: TargetFixture): Check =>
  (name, needs, body) => {
    const reason = reasonAgainst(fixture, needs);
    test(name, { timeout: 120_000, ...(reason === undefined ? {} : { skip: reason }) }, async (t) => {
      const sample = await fixture.prepare(t, schema);
      const target = sample.create();
      try {
        await target.open();
        // The parts that are not there are those that the test does not need.
        await body(sample as Required<TargetSample>, target, t);
      } finally {
        await target.close();
      }
    });
  };

function reasonAgainst({ features, lacks }: TargetFixture, { parts = [], ...needed }: Needs): string | undefined {
  for (const [feature, values] of Object.entries(needed)) {
    const declared = features[feature as keyof TargetFeatures];
    if (!(values as readonly unknown[]).includes(declared)) return `it declares ${feature}: ${declared}`;
  }
  for (const part of parts) if (lacks?.[part] !== undefined) return lacks[part];
  return undefined;
}
