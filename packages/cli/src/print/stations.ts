/** The stations of a flow as rows: `flow status` and `station list` show the same ones by different columns. */
import { readFlow } from '@quadrille/flow';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { withServers } from '../servers.ts';
import { type StationView, stationViews } from '../stations.ts';
import { printRows } from './output.ts';
import { age } from './values.ts';

const COLUMNS = {
  NAME: (view: StationView) => view.name,
  KIND: (view: StationView) => view.kind,
  STATE: (view: StationView) => view.state,
  LAG: (view: StationView) => view.lag,
  FROM: (view: StationView) => view.from,
  TO: (view: StationView) => (view.to.length === 0 ? null : view.to.join(',')),
  MEMBERS: (view: StationView) => view.members,
  REASON: (view: StationView) => view.reason,
  AGE: (view: StationView) => (view.last === null ? null : age(Date.parse(view.last))),
};

/** What both commands are, but for their names. @param wide columns that only `-o wide` shows, among the others. */
export const stationRows = (
  columns: readonly (keyof typeof COLUMNS)[],
  wide: readonly (keyof typeof COLUMNS)[],
): Pick<Command, 'description' | 'arguments' | 'lists' | 'run'> => ({
  description: 'AGE is how long ago the station last settled a round.',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  lists: true,
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    const views = await withServers(context, (servers) => stationViews(servers, flow));
    const shown = columns.map((name) => ({
      name,
      of: COLUMNS[name],
      ...(wide.includes(name) && { wide: true as const }),
    }));
    printRows(context, options, shown, views);
    return EXIT.done;
  },
});
