/** `quadrille flow status`: the stations of a flow with their inputs and outputs. */
import type { Command } from '../command.ts';
import { stationRows } from '../print/stations.ts';

export const flowStatus: Command = {
  ...stationRows(['NAME', 'KIND', 'STATE', 'LAG', 'FROM', 'TO', 'MEMBERS', 'REASON', 'AGE'], ['MEMBERS', 'REASON']),
  path: 'flow status',
  summary: 'show every station of a flow, with lag and topics',
  examples: ['flow status flows/flights', 'flow status -o json'],
};
