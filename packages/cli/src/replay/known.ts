/** Names that a selection which finds nothing may have got wrong: a slip of the keyboard is not to be taken for good news. */
import { closest } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { ServiceStatus } from '@quadrille/replay/api';
import type { ReplayClient } from './client.ts';

type Named = { [name in 'flow' | 'station' | 'topic']?: string | undefined };

/** To be asked once nothing was found: dead letters of what has been removed are still there. @throws Fault NOT_FOUND */
export async function mustBeKnown(client: ReplayClient, named: Named): Promise<void> {
  const { flow, station, topic } = named;
  if ((flow ?? station ?? topic) === undefined) return;
  const { flows } = await client.get<ServiceStatus>('/v1/status');
  const stations = flows.filter(({ name }) => flow === undefined || name === flow).flatMap((each) => each.stations);
  isAmong(
    'flow',
    flow,
    flows.map(({ name }) => name),
  );
  isAmong(
    'station',
    station,
    stations.map(({ name }) => name),
  );
  isAmong(
    'topic',
    topic,
    stations.flatMap(({ from, to }) => [from, to].flat()).filter((name) => name !== null),
  );
}

function isAmong(what: string, given: string | undefined, names: readonly string[]): void {
  if (given === undefined || names.includes(given)) return;
  const near = closest(given, names);
  throw new Fault('NOT_FOUND', `${what} ${given}`, {
    help: near === undefined ? `there are ${[...new Set(names)].join(', ')}` : `did you mean \`${near}\`?`,
  });
}
