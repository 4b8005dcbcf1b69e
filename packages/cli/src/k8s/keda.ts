/** Scaling by lag with KEDA's Kafka scaler. @see https://keda.sh/docs/latest/scalers/apache-kafka/ */
import type { Flow, StationSpec } from '@quadrille/flow';
import { Fault, stationGroup } from '@quadrille/record';
import { kafkaUser, stationPart } from './flow-parts.ts';
import { CA_SECRET, PASSWORD_KEY, selectorOf } from './kafka-credentials.ts';
import type { Folder } from './kustomization.ts';
import type { RenderOptions } from './options.ts';
import { connectionsOf } from './outside.ts';
import { allLabels, type Resource, resourceName } from './resource.ts';

/** Records behind for which one instance is right: some seconds of a station's work. */
const LAG_AN_INSTANCE = 20_000;

/** Those that have lag. Extractors have shards instead: how many instances they need does not change by the minute. */
export const scaledStations = (flow: Flow): Exclude<StationSpec, { kind: 'extractor' }>[] =>
  [...flow.stations.values()].filter((station) => station.kind !== 'extractor');

/**
 * As many instances as partitions, since more would have nothing to read; of those with connections no more than may be open together.
 * @throws Fault K8S_UNFIT: one instance takes more already
 */
export function mostInstances(flow: Flow, station: StationSpec, { maxConnections }: RenderOptions): number {
  if (station.kind === 'extractor') return 1;
  const { partitions } = flow.topics.get(station.from)!;
  const connections = connectionsOf(station);
  if (connections === 0) return partitions;
  if (connections > maxConnections)
    throw new Fault(
      'K8S_UNFIT',
      `one instance takes ${connections} connections, all together may take ${maxConnections}`,
      {
        place: station.place,
        help: 'lower `connections` in the flow file, or raise --max-connections',
      },
    );
  return Math.min(partitions, Math.floor(maxConnections / connections));
}

export function keda(flow: Flow, options: RenderOptions): Folder {
  const stations = scaledStations(flow);
  return {
    kustomization: {
      kind: 'Component',
      resources: ['scaled-objects.yaml'],
      // The count is the autoscaler's: applying the tree again must not set it back.
      patches: stations.map((station) => ({
        target: selectorOf(stationPart(flow, station)),
        patch: [{ op: 'remove', path: '/spec/replicas' }] as const,
      })),
    },
    files: { 'scaled-objects.yaml': stations.flatMap((station) => scaling(flow, station, options)) },
  };
}

function scaling(flow: Flow, station: Exclude<StationSpec, { kind: 'extractor' }>, options: RenderOptions): Resource[] {
  const part = stationPart(flow, station);
  const metadata = { name: resourceName(flow.name, station.name), labels: allLabels(part) };
  return [
    {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'TriggerAuthentication',
      metadata,
      // The station's own user: it may ask for its group and its topic.
      spec: {
        env: [{ parameter: 'username', name: 'KAFKA_SASL_USERNAME', containerName: part.service }],
        secretTargetRef: [
          { parameter: 'password', name: kafkaUser(part), key: PASSWORD_KEY },
          { parameter: 'ca', name: CA_SECRET, key: 'ca.crt' },
        ],
      },
    },
    {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata,
      spec: {
        scaleTargetRef: { name: metadata.name, envSourceContainerName: part.service },
        pollingInterval: 15,
        // Never to zero: a station also answers replays, control and health.
        minReplicaCount: 1,
        maxReplicaCount: mostInstances(flow, station, options),
        advanced: { horizontalPodAutoscalerConfig: { behavior: BEHAVIOUR } },
        triggers: [
          {
            type: 'kafka',
            metadata: {
              bootstrapServersFromEnv: 'KAFKA_BROKERS',
              consumerGroup: stationGroup(flow.name, station.name),
              topic: station.from,
              lagThreshold: String(LAG_AN_INSTANCE),
              // One partition that is far behind needs one instance, not ten.
              limitToPartitionsWithLag: 'true',
              offsetResetPolicy: station.start,
              sasl: 'scram_sha512',
              tls: 'enable',
              // Its default is a protocol that Kafka 4 has given up.
              version: '3.6.0',
            },
            authenticationRef: { name: metadata.name },
          },
        ],
      },
    },
  ];
}

/** Every pod that comes or goes stops its group for a moment: up in steps, down slowly. */
const BEHAVIOUR = {
  scaleUp: { stabilizationWindowSeconds: 30, policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] },
  scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }] },
};
