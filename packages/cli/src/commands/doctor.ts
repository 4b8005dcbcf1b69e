/** `quadrille doctor`: what this machine, the servers and the topics of a flow lack. */
import { inspectMachine } from '@quadrille/devstack';
import { readFlow } from '@quadrille/flow';
import { checkRegistry, withDatabase } from '../access.ts';
import type { Command, Context } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { clientsOf, findServers } from '../servers.ts';
import { stateFolder } from '../state.ts';
import { inspectTopics } from '../up/topics.ts';

interface Check {
  name: string;
  ok: boolean;
  /** What is amiss where nothing needs it is no finding. */
  needed: boolean;
  detail: string;
  help: string | null;
}

export const doctor: Command = {
  path: 'doctor',
  summary: 'check the machine, the servers and a flow’s topics',
  description: 'Starts and changes nothing. Ends with 1 when something that is needed is amiss.',
  arguments: [['[FLOW]', 'also verify the settings of its topics, where servers run']],
  lists: true,
  examples: ['doctor', 'doctor flows/flights'],
  run: async (context, [flow], options) => {
    const machine = await inspectMachine({
      dir: stateFolder(context.cwd),
      env: withDatabase(context.env),
      checkRegistry: checkRegistry(context.env),
    });
    const checks: Check[] = machine.map(({ name, ok, needed, detail, help }) => ({
      name,
      ok,
      needed,
      detail,
      help: help ?? null,
    }));
    const reachable = checks.every(({ ok, needed }) => ok || !needed);
    if (flow !== undefined && reachable) checks.push(...(await topics(context, flow)));
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (check) => check.name },
        { name: 'OK', of: (check) => (check.ok ? 'yes' : check.needed ? 'NO' : 'no') },
        { name: 'NEEDED', of: (check) => check.needed },
        { name: 'DETAIL', of: (check) => check.detail },
      ],
      checks,
    );
    const findings = checks.filter(({ ok, needed }) => !ok && needed);
    for (const { name, help } of findings) if (help !== null) context.err(`${name}: ${help}`);
    return findings.length === 0 ? EXIT.done : EXIT.findings;
  },
};

async function topics(context: Context, flow: string): Promise<Check[]> {
  const read = await readFlow(flowPath(context, flow));
  const addresses = await findServers(context);
  if (addresses === undefined)
    return [
      {
        name: 'topics',
        ok: true,
        needed: true,
        detail: 'not looked at: no servers run; `quadrille up` starts them',
        help: null,
      },
    ];
  const { admin } = clientsOf(context, addresses);
  try {
    const { findings, present, absent } = await inspectTopics(admin, read);
    const checks: Check[] = findings.map(({ place, message, help }) => ({
      name: place ?? 'topic',
      ok: false,
      needed: true,
      detail: message,
      help,
    }));
    const rest = absent > 0 ? `, \`quadrille up\` creates the other ${absent}` : '';
    return [...checks, { name: 'topics', ok: true, needed: true, detail: `${present} there${rest}`, help: null }];
  } finally {
    await admin.close().catch(() => {});
  }
}
