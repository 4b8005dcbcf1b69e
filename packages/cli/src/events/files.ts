/** The files that tell others of a flow's events. */
import { readFlow } from '@quadrille/flow';
import { schemasOf } from '../up/schemas.ts';
import { asyncApi } from './asyncapi.ts';
import { catalogOf } from './catalog.ts';
import { eventsPage } from './page.ts';

/** Text by name. @throws Faults FLOW_INVALID, SCHEMA_INVALID and the like */
export async function eventFiles(path: string): Promise<Map<string, string>> {
  const flow = await readFlow(path);
  const catalog = catalogOf(flow, await schemasOf(flow));
  const document = `${flow.name}.asyncapi.json`;
  return new Map([
    [`${flow.name}.md`, eventsPage(catalog, document)],
    [document, `${JSON.stringify(asyncApi(catalog), null, 2)}\n`],
  ]);
}
