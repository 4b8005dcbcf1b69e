/** What a container is told of the servers it works on, and where it finds the secrets of its own principal. */
import type { EnvVar, Mount } from './pod.ts';
import { resourceName } from './resource.ts';

/** Addresses of Kafka and registry: a ConfigMap that Kustomize generates and overlays merge into. */
export const serversName = (flow: string): string => resourceName(flow, 'servers');

export function serversEnv(flow: string): EnvVar[] {
  return ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL'].map((key) => ({
    name: key,
    valueFrom: { configMapKeyRef: { name: serversName(flow), key } },
  }));
}

const DATABASE_FOLDER = '/run/secrets/database';

/** Secret with the key `url`, and `ca.crt` where the address says `sslrootcert=/run/secrets/database/ca.crt`. */
export const databaseSecret = (flow: string, component: string): string => resourceName(flow, component, 'database');

/** @param variable what holds the address. */
export const databaseEnv = (variable: string): EnvVar[] => [
  { name: `${variable}_FILE`, value: `${DATABASE_FOLDER}/url` },
];

export const databaseMount = (flow: string, component: string): Mount => ({
  volume: { name: 'database', secret: { secretName: databaseSecret(flow, component), defaultMode: 0o440 } },
  mountPath: DATABASE_FOLDER,
});

/** Who may use the replay service: a Secret with the key `tokens.json`. */
export const tokensSecret = (flow: string): string => resourceName(flow, 'replay-tokens');
export const TOKENS_FOLDER = '/run/secrets/tokens';
