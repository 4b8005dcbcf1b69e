/** The component for a Kafka with TLS and SCRAM-SHA-512: each part under its own user, with a password that is a file. */
import type { Flow } from '@quadrille/flow';
import { kafkaUser, partsOf } from './flow-parts.ts';
import type { Folder, Patch } from './kustomization.ts';
import { type Part, partLabels } from './resource.ts';

/** As Strimzi names them, for a cluster called `kafka`; those of another Kafka are brought under the same names. */
export const KAFKA_CLUSTER = 'kafka';
export const CA_SECRET = `${KAFKA_CLUSTER}-cluster-ca-cert`;
/** A user's Secret bears the user's name, with the password under this key. */
export const PASSWORD_KEY = 'password';

export const kafkaCredentials = (flow: Flow): Folder => ({
  kustomization: { kind: 'Component', patches: partsOf(flow).map(credentialsPatch) },
  files: {},
});

function credentialsPatch(part: Part): Patch {
  const user = kafkaUser(part);
  const env = {
    KAFKA_TLS: 'on',
    KAFKA_TLS_CA_FILE: '/run/secrets/kafka-ca/ca.crt',
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: user,
    KAFKA_SASL_PASSWORD_FILE: `/run/secrets/kafka/${PASSWORD_KEY}`,
  };
  const secrets = [
    { name: 'kafka', secretName: user, key: PASSWORD_KEY },
    { name: 'kafka-ca', secretName: CA_SECRET, key: 'ca.crt' },
  ];
  const container = '/spec/template/spec/containers/0';
  return {
    target: selectorOf(part),
    patch: [
      ...Object.entries(env).map(([name, value]) => added(`${container}/env/-`, { name, value })),
      ...secrets.flatMap(({ name, secretName, key }) => [
        added('/spec/template/spec/volumes/-', {
          name,
          secret: { secretName, defaultMode: 0o440, items: [{ key, path: key }] },
        }),
        added(`${container}/volumeMounts/-`, { name, mountPath: `/run/secrets/${name}`, readOnly: true }),
      ]),
    ],
  };
}

const added = (path: string, value: unknown) => ({ op: 'add', path, value }) as const;

/** What runs a part: its Deployment, or its Job, whose name nobody can know. */
export function selectorOf(part: Part): Patch['target'] {
  const labelSelector = Object.entries(partLabels(part))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return { kind: part.service === 'cli' ? 'Job' : 'Deployment', labelSelector };
}
