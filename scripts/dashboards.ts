/**
 * Writes the Grafana dashboards of observability/grafana/dashboards: node scripts/dashboards.ts. What they ask is held
 * against a live run by packages/testing/src/observability/series.e2e.test.ts.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { deadLettersDashboard } from './dashboards/dead-letters.ts';
import { flowDashboard } from './dashboards/flow.ts';
import { kafkaDashboard } from './dashboards/kafka.ts';

/** Path from the root → its text. */
export const dashboards = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({ flow: flowDashboard(), 'dead-letters': deadLettersDashboard(), kafka: kafkaDashboard() }).map(
      ([name, page]) => [
        `observability/grafana/dashboards/${name}.json`,
        `${JSON.stringify(numbered(page), null, 2)}\n`,
      ],
    ),
  );

/** Panels are told apart by numbers, which links to them name: given in order. */
function numbered(page: Dashboard): Dashboard {
  page.panels = (page.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 }));
  return page;
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(dashboards()))
    writeFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), text);
}
