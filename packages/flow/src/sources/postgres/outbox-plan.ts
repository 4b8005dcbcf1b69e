/** What a station's outbox is: the configuration with its defaults, and what of it the database has to be asked. */
import { Fault } from '@quadrille/record';
import type { Client } from 'pg';
import type { SourceContext } from '../../source.ts';
import type { OutboxConfig } from './outbox.ts';
import type { OutboxPlan } from './outbox-ddl.ts';
import { readTable, type SourceTable } from './table.ts';

export type OutboxReading = OutboxConfig &
  Required<Pick<OutboxConfig, 'outbox' | 'listen' | 'pollMs' | 'snapshot' | 'truncate'>>;

/** The configuration with its defaults. */
export function outboxReading(
  config: OutboxConfig,
  { flow, station }: Pick<SourceContext, 'flow' | 'station'>,
): OutboxReading {
  const { listen = true, snapshot = 1, truncate = 'stop' } = config;
  const outbox = config.outbox ?? outboxName(flow, station);
  return { ...config, outbox, listen, pollMs: config.pollMs ?? (listen ? 10_000 : 1_000), snapshot, truncate };
}

const outboxName = (flow: string, station: string): string =>
  `quadrille_${flow}_${station}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 54);

/** @throws Fault SOURCE_SETTINGS, SOURCE_MISSING, SOURCE_HEADER */
export async function outboxPlan(
  client: Client,
  config: OutboxConfig,
  context: Pick<SourceContext, 'flow' | 'station' | 'schema'>,
): Promise<OutboxPlan & { table: SourceTable }> {
  const { flow, station } = context;
  const table = await readTable(client, config, context, true);
  const refuse = (what: string, help: string): Fault =>
    new Fault('SOURCE_SETTINGS', what, { place: table.shown, help });
  if (table.kind !== 'r' && table.kind !== 'p')
    throw refuse('it is not a table', 'read the tables that the view is made of');
  if (table.key.length === 0)
    throw refuse('it has no primary key', 'give it one: without it nothing says which row was changed');
  const { outbox, listen } = outboxReading(config, context);
  return { table, outbox, listen, reader: `station ${station} of flow ${flow}` };
}
