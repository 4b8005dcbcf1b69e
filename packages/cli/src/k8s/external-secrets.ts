/** Secrets brought from a store by External Secrets. @see https://external-secrets.io/latest/api/externalsecret/ */
import type { Flow } from '@quadrille/flow';
import { aclsOf, SERVICE_USERS } from '@quadrille/station';
import { secretsName, tokensSecret } from './connection.ts';
import { flowUser, partsWithSecrets } from './flow-parts.ts';
import { CA_SECRET, PASSWORD_KEY } from './kafka-credentials.ts';
import type { Folder } from './kustomization.ts';
import { metricsTokenSecret } from './monitoring.ts';
import { REGISTRY_KEYS, registrySecret } from './registry-credentials.ts';
import { flowLabels, type Resource } from './resource.ts';

/** The SecretStore of the namespace; the platform's own. */
const STORE = 'quadrille';

/** Each key of the Secret is a property of one entry `quadrille/<flow>/<name>` of the store. */
function externalSecret(flow: string, name: string, keys: readonly string[]): Resource {
  return {
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: { name, labels: flowLabels(flow) },
    spec: {
      refreshInterval: '1h',
      secretStoreRef: { kind: 'SecretStore', name: STORE },
      target: { name, creationPolicy: 'Owner', deletionPolicy: 'Retain' },
      data: keys.map((key) => ({
        secretKey: key,
        remoteRef: { key: `quadrille/${flow}/${name}`, property: key },
      })),
    },
  };
}

/** Addresses and whatever else the flow file names by variables; tokens. */
export function externalSecrets(flow: Flow): Folder {
  const secrets = [
    ...partsWithSecrets(flow).map(({ component, variables }) =>
      externalSecret(flow.name, secretsName(flow.name, component), variables),
    ),
    externalSecret(flow.name, tokensSecret(flow.name), ['tokens.json']),
    externalSecret(flow.name, metricsTokenSecret(flow.name), ['token']),
  ];
  return {
    kustomization: { kind: 'Component', resources: ['secrets.yaml'] },
    files: { 'secrets.yaml': secrets },
  };
}

/** The registry's user, for the component `registry-credentials`. */
export function externalRegistry(flow: Flow): Folder {
  const secret = externalSecret(flow.name, registrySecret(flow.name), Object.keys(REGISTRY_KEYS));
  return {
    kustomization: { kind: 'Component', resources: ['secrets.yaml'] },
    files: { 'secrets.yaml': [secret] },
  };
}

/** Passwords of Kafka's users and its authority, where no Strimzi in the namespace makes them. */
export function externalKafka(flow: Flow): Folder {
  const engine = new Set<string>(Object.values(SERVICE_USERS));
  const users = new Set(aclsOf(flow).map(({ principal }) => principal.slice('User:'.length)));
  const secrets = [
    ...[...users].map((user) =>
      externalSecret(flow.name, engine.has(user) ? flowUser(user, flow.name) : user, [PASSWORD_KEY]),
    ),
    externalSecret(flow.name, CA_SECRET, ['ca.crt']),
  ];
  return {
    kustomization: { kind: 'Component', resources: ['secrets.yaml'] },
    files: { 'secrets.yaml': secrets },
  };
}
