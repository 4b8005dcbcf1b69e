/** Makes servers ready for a flow: schemas checked and registered, topics verified and created. */
import type { Flow } from '@quadrille/flow';
import { Faults } from '@quadrille/record';
import { provision } from '@quadrille/station';
import type { Servers } from '../servers.ts';
import { incompatibilities, schemasOf } from './schemas.ts';
import { inspectTopics } from './topics.ts';

/**
 * Changes nothing that is there already, and nothing at all when it throws for a finding.
 * @returns how many topics were created. @throws Faults SCHEMA_INCOMPATIBLE and TOPIC_SETTINGS, all of them
 */
export async function prepare({ admin, registry }: Servers, flow: Flow): Promise<number> {
  const schemas = await schemasOf(flow);
  const { findings, absent } = await inspectTopics(admin, flow);
  const faults = [...(await incompatibilities(registry, schemas.values())), ...findings];
  if (faults.length > 0) throw new Faults(faults);
  await provision(flow, admin, registry);
  return absent;
}
