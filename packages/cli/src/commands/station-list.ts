/** `quadrille station list`: state of every station's group. */
import { readFlow } from '@quadrille/flow';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { age } from '../print/values.ts';
import { withServers } from '../servers.ts';
import { stationViews } from '../stations.ts';

export const stationList: Command = {
  path: 'station list',
  summary: 'list stations with state, members, lag and why they are paused',
  description: 'AGE is how long ago the station last settled a round.',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  lists: true,
  examples: ['station list flows/flights', 'station list -o wide'],
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    const views = await withServers(context, (servers) => stationViews(servers, flow));
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (view) => view.name },
        { name: 'KIND', of: (view) => view.kind, wide: true },
        { name: 'STATE', of: (view) => view.state },
        { name: 'MEMBERS', of: (view) => view.members },
        { name: 'LAG', of: (view) => view.lag },
        { name: 'REASON', of: (view) => view.reason },
        { name: 'AGE', of: (view) => (view.last === null ? null : age(Date.parse(view.last))) },
      ],
      views,
    );
    return EXIT.done;
  },
};
