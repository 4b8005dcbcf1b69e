/** Health of a container as Kubernetes asks for it. */

/** Where stations answer. */
export const STATION_PORT = 9464;
/** Where the replay service answers. */
export const REPLAY_PORT = 8470;

type Probe = Record<string, unknown>;

const probes = (handler: (path: string) => Probe, period: number): Record<string, Probe> => ({
  // A process answers before its brokers do: only one that does not come up at all is started again.
  startupProbe: { ...handler('/live'), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 60 },
  // The loop's own heartbeat, which is 60 s of silence already; what others do never restarts a pod.
  livenessProbe: { ...handler('/live'), periodSeconds: 15, timeoutSeconds: 5, failureThreshold: 4 },
  readinessProbe: { ...handler('/ready'), periodSeconds: period, timeoutSeconds: 5, failureThreshold: 2 },
});

export const stationProbes = (): object => probes((path) => ({ httpGet: { path, port: 'metrics' } }), 5);

/** The replay service answers without a token to its own machine alone: it is asked from inside. */
export const replayProbes = (): object =>
  probes((path) => ({ exec: { command: ['/nodejs/bin/node', '/app/docker/healthcheck.mjs', path] } }), 15);
