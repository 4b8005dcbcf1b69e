/** The parts of a flow as they run in a cluster: its stations, the replay service, the Job before them. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { SERVICE_USERS } from '@quadrille/station';
import { variablesOf } from './outside.ts';
import type { Part } from './resource.ts';

export const stationPart = (flow: Flow, { name, kind }: StationSpec): Part => ({
  flow: flow.name,
  component: name,
  service: kind,
});
export const replayPart = (flow: Flow): Part => ({
  flow: flow.name,
  component: 'quadrille-replay',
  service: 'replay',
});
export const provisionPart = (flow: Flow): Part => ({
  flow: flow.name,
  component: 'quadrille-provision',
  service: 'cli',
});

/** Stations first, in the order of the flow file. */
export const partsOf = (flow: Flow): Part[] => [
  ...[...flow.stations.values()].map((station) => stationPart(flow, station)),
  replayPart(flow),
  provisionPart(flow),
];

/** Parts with secrets of their own, and the variables that hold them. */
export const partsWithSecrets = (flow: Flow): { component: string; variables: string[] }[] => [
  ...[...flow.stations.values()].flatMap((station) => {
    const variables = variablesOf(station);
    return variables.length === 0 ? [] : [{ component: station.name, variables }];
  }),
  { component: replayPart(flow).component, variables: REPLAY_VARIABLES },
];

export const REPLAY_VARIABLES = ['DATABASE_URL'];

/**
 * The Kafka user of a part, as `aclsOf` names it. Those of the engine bear the flow's name here: a cluster of several
 * flows has one of each, with the rights on that flow alone.
 */
export function kafkaUser({ flow, component }: Part): string {
  const engine = { 'quadrille-replay': SERVICE_USERS.replay, 'quadrille-provision': SERVICE_USERS.provisioner };
  const user = engine[component as keyof typeof engine];
  return user === undefined ? `${flow}.${component}` : flowUser(user, flow);
}

/** No flow may be called `quadrille`, so that this is never a station's user. */
export const flowUser = (user: string, flow: string): string => `${user}.${flow}`;
