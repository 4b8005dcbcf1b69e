/** `quadrille flow status`: the stations of a flow with their inputs and outputs. */
import { readFlow } from '@quadrille/flow';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { age } from '../print/values.ts';
import { withServers } from '../servers.ts';
import { stationViews } from '../stations.ts';

export const flowStatus: Command = {
  path: 'flow status',
  summary: 'show every station of a flow, with lag and topics',
  description: 'AGE is how long ago the station last settled a round.',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  lists: true,
  examples: ['flow status flows/flights', 'flow status -o json'],
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    const views = await withServers(context, (servers) => stationViews(servers, flow));
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (view) => view.name },
        { name: 'KIND', of: (view) => view.kind },
        { name: 'STATE', of: (view) => view.state },
        { name: 'LAG', of: (view) => view.lag },
        { name: 'FROM', of: (view) => view.from },
        { name: 'TO', of: (view) => (view.to.length === 0 ? null : view.to.join(',')) },
        { name: 'MEMBERS', of: (view) => view.members, wide: true },
        { name: 'REASON', of: (view) => view.reason, wide: true },
        { name: 'AGE', of: (view) => (view.last === null ? null : age(Date.parse(view.last))) },
      ],
      views,
    );
    return EXIT.done;
  },
};
