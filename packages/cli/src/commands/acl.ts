/** `quadrille acl`: what each process of a flow may do in Kafka, as a list or as commands that grant it. */
import { readFlow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { type Acl, aclsOf } from '@quadrille/station';
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { withServers } from '../servers.ts';

const USER = 'User:';

export const acl: Command = {
  path: 'acl',
  summary: 'print the ACLs that a flow needs, and no others',
  description:
    'One user a station, named `<flow>.<station>`; beside them `quadrille.replay` (the replay service), `quadrille.provisioner`\n(makes topics) and `quadrille.operator` (this command). Read and Write imply Describe. Nothing is changed without --execute.',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  options: [
    ['--station <names>', 'only these stations, separated by commas'],
    ['--user <names>', 'only these users, separated by commas, e.g. quadrille.replay'],
    [
      '--principal <template>',
      `how a user is called by the brokers; default ${USER}{user}, with certificates often ${USER}CN={user}`,
    ],
    ['--format <format>', 'kafka-acls: commands that grant them'],
    ['--execute', 'grant them, as a user who may alter ACLs; what is granted beside them stays'],
  ],
  lists: true,
  examples: [
    'acl flows/flights',
    'acl flows/flights --station qualify -o json',
    "acl flows/flights --principal 'User:CN={user}' --format kafka-acls > grant.sh",
  ],
  run: async (context, [given], options) => {
    const { format } = options;
    if (format !== undefined && format !== 'kafka-acls')
      throw new Fault('USAGE', `--format ${format}`, { help: 'kafka-acls, or -o for lists' });
    const template = text(options, 'principal') ?? `${USER}{user}`;
    if (!template.includes('{user}') || !/^\w+:/.test(template))
      throw new Fault('USAGE', `--principal ${template}`, { help: `e.g. '${USER}CN={user}'` });
    const flow = await readFlow(flowPath(context, given));
    const stations = text(options, 'station')
      ?.split(',')
      .map((name) => {
        if (!flow.stations.has(name))
          throw new Fault('NOT_FOUND', `station \`${name}\``, {
            help: `one of: ${[...flow.stations.keys()].join(', ')}`,
          });
        return `${flow.name}.${name}`;
      });
    const all = aclsOf(flow);
    const users = new Set(all.map(({ principal }) => principal.slice(USER.length)));
    const named = text(options, 'user')?.split(',');
    for (const user of named ?? [])
      if (!users.has(user))
        throw new Fault('NOT_FOUND', `user \`${user}\``, { help: `one of: ${[...users].join(', ')}` });
    const wanted =
      stations === undefined && named === undefined ? users : new Set([...(stations ?? []), ...(named ?? [])]);
    const acls = all
      .map((each) => ({ ...each, user: each.principal.slice(USER.length) }))
      .filter(({ user }) => wanted.has(user))
      .map(({ user, ...each }) => ({ ...each, principal: template.replaceAll('{user}', user) }));
    if (format === 'kafka-acls') context.out(kafkaAcls(acls));
    else
      printRows(
        context,
        options,
        [
          { name: 'PRINCIPAL', of: ({ principal }) => principal },
          { name: 'TYPE', of: ({ resource }) => resource.type },
          { name: 'PATTERN', of: ({ resource }) => resource.pattern },
          { name: 'NAME', of: ({ resource }) => resource.name },
          { name: 'OPERATIONS', of: ({ operations }) => operations.join(', ') },
        ],
        acls,
      );
    if (options.execute === true) {
      await withServers(context, ({ admin }) => admin.grant(acls), { database: false });
      context.err(`granted to ${wanted.size} users on ${acls.length} resources`);
    }
    return EXIT.done;
  },
};

/** A shell script for Kafka's own tool, one call a resource. Granting what is granted already changes nothing. */
export function kafkaAcls(acls: readonly Acl[]): string {
  const lines = [
    '#!/bin/sh',
    '# needs BOOTSTRAP (host:port) and CONFIG (properties of a user that may alter ACLs); KAFKA_ACLS names the tool',
    'set -eu',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    'acls() { "${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "$BOOTSTRAP" --command-config "$CONFIG" --add "$@"; }',
  ];
  for (const { principal, resource, operations } of acls) {
    const pattern = resource.pattern === 'prefixed' ? ' --resource-pattern-type prefixed' : '';
    const allowed = operations.map((operation) => ` --operation ${operation}`).join('');
    lines.push(
      `acls --allow-principal ${quoted(principal)}${allowed} --${resource.type} ${quoted(resource.name)}${pattern}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
