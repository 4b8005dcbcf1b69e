/** Which schemas are to be registered. */
import { schemaChanges } from '@quadrille/flow';
import type { Registry } from '@quadrille/station';

export interface PushStep {
  subject: string;
  /** `present`: this very schema is there, as the latest or an earlier version. */
  state: 'absent' | 'present' | 'changed';
  /** Number of the newest version there. */
  latest: number | undefined;
  /** How much differs from it. */
  changes: number | undefined;
  /** The schema on one line. */
  text: string;
}

/** In the order given. @throws Fault REGISTRY_UNAVAILABLE and the like */
export async function planPush(
  registry: Registry,
  schemas: readonly { subject: string; text: string }[],
): Promise<PushStep[]> {
  const steps: PushStep[] = [];
  for (const { subject, text } of schemas) {
    const versions = await registry.versions(subject);
    const latest = versions.at(-1);
    const next: unknown = JSON.parse(text);
    const same = JSON.stringify(next);
    const isThere = versions.some(({ schema }) => JSON.stringify(JSON.parse(schema)) === same);
    steps.push({
      subject,
      state: isThere ? 'present' : latest === undefined ? 'absent' : 'changed',
      latest: latest?.version,
      changes: latest && (isThere ? 0 : schemaChanges(JSON.parse(latest.schema), next).length),
      text,
    });
  }
  return steps;
}
