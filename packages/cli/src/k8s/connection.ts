/** What a container is told of the servers it works on, and where it finds its secrets. */
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

/** Where the keys of a part's Secret stand as files; also a `ca.crt` that an address names as its `sslrootcert`. */
const SECRETS_FOLDER = '/run/secrets/quadrille';

/** A Secret with a key for each variable, of the variable's name. */
export const secretsName = (flow: string, component: string): string => resourceName(flow, component, 'secrets');

/** Variables whose values stand in files: neither the pod's manifest nor the process list shows them. */
export const secretEnv = (variables: readonly string[]): EnvVar[] =>
  variables.map((name) => ({ name: `${name}_FILE`, value: `${SECRETS_FOLDER}/${name}` }));

export const secretMounts = (flow: string, component: string, variables: readonly string[]): Mount[] =>
  variables.length === 0
    ? []
    : [
        {
          volume: { name: 'secrets', secret: { secretName: secretsName(flow, component), defaultMode: 0o440 } },
          mountPath: SECRETS_FOLDER,
        },
      ];

/** Who may use the replay service: a Secret with the key `tokens.json`. */
export const tokensSecret = (flow: string): string => resourceName(flow, 'replay-tokens');
export const TOKENS_FOLDER = '/run/secrets/tokens';
