/** The whole tree of a flow as texts: base, components, overlays. */
import type { Flow } from '@quadrille/flow';
import { stringify } from 'yaml';
import { baseFolder } from './base.ts';
import { externalKafka, externalRegistry, externalSecrets } from './external-secrets.ts';
import { kafkaCredentials } from './kafka-credentials.ts';
import { keda } from './keda.ts';
import { type Folder, kustomizationFile } from './kustomization.ts';
import { localServers } from './local-servers.ts';
import { monitoring } from './monitoring.ts';
import type { RenderOptions } from './options.ts';
import { localOverlay, productionOverlay, stagingOverlay } from './overlays.ts';
import { registryCredentials } from './registry-credentials.ts';
import { strimzi, strimziCluster } from './strimzi.ts';

/** The first words of every file that `render` may overwrite and remove. */
export const OWNED = '# Rendered by `quadrille k8s render`';

export interface Tree {
  /** Text by path: `base/…`, `components/…`. Rendered anew each time. */
  owned: ReadonlyMap<string, string>;
  /** `overlays/…`: written where there is none. */
  started: ReadonlyMap<string, string>;
}

/** Renders in memory; the same flow and options give the same texts. @throws Fault K8S_UNFIT */
export async function renderTree(flow: Flow, options: RenderOptions): Promise<Tree> {
  const components: Record<string, Folder> = {
    'kafka-credentials': kafkaCredentials(flow),
    'registry-credentials': registryCredentials(flow),
    strimzi: strimzi(flow),
    'strimzi-cluster': strimziCluster(),
    keda: keda(flow, options),
    monitoring: monitoring(flow),
    'external-secrets': externalSecrets(flow),
    'external-kafka': externalKafka(flow),
    'external-registry': externalRegistry(flow),
    'local-servers': localServers(),
  };
  const overlays: Record<string, Folder> = {
    local: localOverlay(flow, options),
    staging: stagingOverlay(flow, options),
    production: productionOverlay(flow, options),
  };
  const owned = new Map<string, string>();
  const started = new Map<string, string>();
  write(owned, 'base', await baseFolder(flow, options), `${OWNED} of the flow ${flow.name}; not to be edited.`);
  for (const [name, folder] of Object.entries(components))
    write(owned, `components/${name}`, folder, `${OWNED} of the flow ${flow.name}; not to be edited.`);
  for (const [name, folder] of Object.entries(overlays))
    write(
      started,
      `overlays/${name}`,
      folder,
      `# A start for the flow ${flow.name}: yours to edit, never overwritten.`,
    );
  return { owned, started };
}

function write(into: Map<string, string>, path: string, { kustomization, files }: Folder, header: string): void {
  into.set(`${path}/kustomization.yaml`, `${header}\n${text(kustomizationFile(kustomization, text))}`);
  for (const [name, resources] of Object.entries(files))
    into.set(`${path}/${name}`, `${header}\n${resources.map(text).join('---\n')}`);
}

/** Kubernetes reads YAML 1.1, where `on` and `no` are no texts: what it could take for something else is quoted. */
const text = (value: unknown): string =>
  stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false, singleQuote: true });
