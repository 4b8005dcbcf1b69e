/** The component for a registry with TLS of an authority of one's own and a user: all parts of a flow share it. */
import type { Flow } from '@quadrille/flow';
import { partsOf } from './flow-parts.ts';
import { selectorOf } from './kafka-credentials.ts';
import type { Folder, Patch } from './kustomization.ts';
import { type Part, resourceName } from './resource.ts';

/** The keys of its Secret. */
export const REGISTRY_KEYS = { username: 'USERNAME_FILE', password: 'PASSWORD_FILE', 'ca.crt': 'TLS_CA_FILE' } as const;
export const registrySecret = (flow: string): string => resourceName(flow, 'registry');

const FOLDER = '/run/secrets/registry';

export const registryCredentials = (flow: Flow): Folder => ({
  kustomization: { kind: 'Component', patches: partsOf(flow).map(credentialsPatch) },
  files: {},
});

function credentialsPatch(part: Part): Patch {
  const container = '/spec/template/spec/containers/0';
  const secret = { secretName: registrySecret(part.flow), defaultMode: 0o440 };
  return {
    target: selectorOf(part),
    patch: [
      ...Object.entries(REGISTRY_KEYS).map(([key, variable]) => ({
        op: 'add' as const,
        path: `${container}/env/-`,
        value: { name: `SCHEMA_REGISTRY_${variable}`, value: `${FOLDER}/${key}` },
      })),
      { op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'registry', secret } },
      {
        op: 'add',
        path: `${container}/volumeMounts/-`,
        value: { name: 'registry', mountPath: FOLDER, readOnly: true },
      },
    ],
  };
}
