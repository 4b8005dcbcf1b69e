/** `quadrille source triggers`: what an extractor of type `postgres-outbox` needs in its database. */
import { type ExtractorSpec, readFlow, withSecrets } from '@quadrille/flow';
import { type OutboxConfig, outboxTriggers } from '@quadrille/flow/postgres-outbox';
import { Fault } from '@quadrille/record';
import { type Command, type Context, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { findServers } from '../servers.ts';

export const sourceTriggers: Command = {
  path: 'source triggers',
  summary: 'print or make the triggers that feed an outbox',
  description:
    'Prints the SQL for an extractor of type `postgres-outbox`: its outbox, a trigger function, the triggers of the watched table.\nNothing is changed without --execute; done twice, the second time changes nothing. Making the triggers waits for transactions\nthat write to the table, and lets others wait. Needs a user who owns the table, and neither Kafka nor the registry.',
  arguments: [
    ['FLOW', 'folder of the flow file; may be left out where the flow runs in this folder'],
    ['[STATION]', 'name of the extractor'],
  ],
  options: [
    [
      '--address <variable>',
      'environment variable with the address of a user who owns the table; default: the extractor’s own',
    ],
    ['--grant <role>', 'lets this user of the extractor read the table and its outbox'],
    ['--remove', 'take triggers, function and outbox away, with the changes that nobody has read'],
    ['--execute', 'do it; without, the SQL is only printed'],
  ],
  examples: [
    'source triggers flows/crm customers',
    'source triggers flows/crm customers --address OWNER_URL --grant quadrille --execute',
    'source triggers flows/crm customers --remove --execute',
  ],
  run: async (context, [first, second], options) => {
    const flow = await readFlow(flowPath(context, second === undefined ? undefined : first));
    const name = second ?? first ?? '';
    const spec = flow.stations.get(name);
    if (spec === undefined)
      throw new Fault('NOT_FOUND', `station \`${name}\``, { help: `one of: ${[...flow.stations.keys()].join(', ')}` });
    if (spec.kind !== 'extractor' || spec.source.type !== 'postgres-outbox')
      throw new Fault('USAGE', `${flow.name}.${name} reads no outbox`, {
        help: 'only extractors of `type: postgres-outbox` need triggers',
      });
    const config = await configOf(context, spec, text(options, 'address'));
    const { script, executed } = await outboxTriggers(
      config.outbox,
      { flow: flow.name, station: name, env: config.env },
      { remove: options.remove === true, role: text(options, 'grant'), execute: options.execute === true },
    );
    if (script !== undefined) context.out(script);
    const what = script === undefined ? 'nothing to do' : executed ? 'done' : 'nothing is changed yet: add --execute';
    context.err(`${flow.name}.${name}: ${what}`);
    return EXIT.done;
  },
};

/** With the address of the database that runs here, where the environment has none. */
async function configOf(
  context: Context,
  { source }: ExtractorSpec,
  given: string | undefined,
): Promise<{ outbox: OutboxConfig; env: Context['env'] }> {
  const outbox = { ...(source.config as unknown as OutboxConfig) };
  const address = given ?? outbox.address ?? 'DATABASE_URL';
  const env = withSecrets(context.env, { address });
  if (env[address] || address !== 'DATABASE_URL') return { outbox: { ...outbox, address }, env };
  const servers = await findServers(context);
  return { outbox: { ...outbox, address }, env: { ...env, DATABASE_URL: servers?.databaseUrl } };
}
