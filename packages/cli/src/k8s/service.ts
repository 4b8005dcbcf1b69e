/** Services: the stations' metrics, found by DNS; where others call a station; the replay service's API. */
import { REPLAY_PORT, STATION_PORT } from './probes.ts';
import { allLabels, type Part, partLabels, type Resource, resourceName } from './resource.ts';

/** Headless: one A record a pod of a station, ready or not, for scrapers that find their targets by DNS. */
export const metricsService = (part: Part): Resource => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: resourceName(part.flow, part.component, 'metrics'), labels: allLabels(part) },
  spec: {
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: partLabels(part),
    ports: [{ name: 'metrics', port: STATION_PORT, targetPort: 'metrics' }],
  },
});

/** Of pods that are ready. */
export const callsService = (part: Part, port: number): Resource => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: resourceName(part.flow, part.component), labels: allLabels(part) },
  spec: { selector: partLabels(part), ports: [{ name: 'http', port, targetPort: 'calls' }] },
});

export const apiService = (part: Part): Resource => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: resourceName(part.flow, part.component), labels: allLabels(part) },
  spec: { selector: partLabels(part), ports: [{ name: 'http', port: REPLAY_PORT, targetPort: 'http' }] },
});
