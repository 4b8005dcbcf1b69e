/** `quadrille station list`: state of every station's group. */
import type { Command } from '../command.ts';
import { stationRows } from '../print/stations.ts';

export const stationList: Command = {
  ...stationRows(['NAME', 'KIND', 'STATE', 'MEMBERS', 'LAG', 'REASON', 'AGE'], ['KIND']),
  path: 'station list',
  summary: 'list stations with state, members, lag and why they are paused',
  examples: ['station list flows/flights', 'station list -o wide'],
};
