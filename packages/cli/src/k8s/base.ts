/** The base: all that a flow needs in any cluster, with settings, credentials and images left to overlays. */
import type { Flow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { serversName } from './connection.ts';
import { provisionResources, replayResources } from './engine.ts';
import { partsOf, replayPart, stationPart } from './flow-parts.ts';
import type { Folder } from './kustomization.ts';
import {
  denyAll,
  fromMonitoring,
  toCalled,
  toDns,
  toKafka,
  toOutside,
  toRegistry,
  toReplayService,
} from './network-policy.ts';
import type { RenderOptions } from './options.ts';
import { listensOf, outsidePorts } from './outside.ts';
import { type Resource, resourceName } from './resource.ts';
import { dataClaim, stationResources } from './station.ts';

/** @throws Fault K8S_UNFIT */
export async function baseFolder(flow: Flow, options: RenderOptions): Promise<Folder> {
  tellApart(flow);
  const files: Record<string, Resource[]> = {};
  for (const station of flow.stations.values())
    files[`${station.name}.yaml`] = await stationResources(flow, station, options);
  const replay = replayPart(flow);
  files[`${replay.component}.yaml`] = await replayResources(flow, options);
  files['quadrille-provision.yaml'] = await provisionResources(flow, options);
  const claim = dataClaim(flow, options);
  if (claim !== undefined) files['quadrille-data.yaml'] = [claim];
  files['quadrille-network.yaml'] = [
    denyAll(flow.name),
    toDns(flow.name),
    toKafka(flow.name),
    toRegistry(flow.name),
    ...outside(flow),
    ...[...flow.stations.values()].flatMap((station) => {
      const called = listensOf(station);
      return called === undefined ? [] : [toCalled(stationPart(flow, station), called.port)];
    }),
    fromMonitoring(flow.name),
    toReplayService(replay),
  ];
  return {
    kustomization: {
      kind: 'Kustomization',
      resources: Object.keys(files),
      configMapGenerator: [
        {
          name: serversName(flow.name),
          literals: ['KAFKA_BROKERS=kafka:9092', 'SCHEMA_REGISTRY_URL=http://registry:8080/apis/ccompat/v7'],
        },
      ],
    },
    files,
  };
}

/** One policy for those that reach the same port. */
function outside(flow: Flow): Resource[] {
  const reached = [...flow.stations.values()].flatMap((station) =>
    outsidePorts(station).map((port) => ({ port, component: station.name })),
  );
  const byPort = Map.groupBy([...reached, { port: 5432, component: replayPart(flow).component }], ({ port }) => port);
  return [...byPort].map(([port, parts]) =>
    toOutside(
      flow.name,
      port,
      parts.map(({ component }) => component),
    ),
  );
}

/** Stations called like parts of the engine, or cut to the same name. */
function tellApart(flow: Flow): void {
  const names = new Map<string, string>();
  for (const { component } of partsOf(flow)) {
    const name = resourceName(flow.name, component);
    if (names.has(name) || (flow.stations.has(component) && component.startsWith('quadrille-')))
      throw new Fault('K8S_UNFIT', `a station may not be called ${component}`, {
        place: flow.stations.get(component)?.place ?? flow.file,
        help: 'names that begin with `quadrille-` are those of the engine',
      });
    names.set(name, component);
  }
}
