/** Names that manifests give of each other: a name that leads nowhere is found by no schema. */
import type { Manifest } from './schemas.ts';

type Json = Record<string, unknown>;

/** Resources that are named and not there. */
export function lostReferences(manifests: readonly Manifest[]): string[] {
  const there = new Set(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  for (const { kind, metadata, spec } of manifests) {
    // These make Secrets, each of its own name.
    if (kind === 'KafkaUser' || kind === 'ExternalSecret') there.add(`Secret ${metadata.name}`);
    if (kind === 'Kafka') there.add(`Secret ${metadata.name}-cluster-ca-cert`);
    if (kind === 'ScaledObject') there.add(`scaled ${(spec!.scaleTargetRef as { name: string }).name}`);
  }
  return manifests.flatMap((manifest) => {
    const named: string[] = [];
    walk(manifest, (node) => collect(node, named));
    if (manifest.kind === 'ScaledObject')
      named.push(`Deployment ${(manifest.spec!.scaleTargetRef as { name: string }).name}`);
    return [...new Set(named)]
      .filter((name) => !there.has(name))
      .map((name) => `${manifest.kind} ${manifest.metadata.name} names ${name}`);
  });
}

function collect(node: Json, named: string[]): void {
  const nameIn = (value: unknown, key = 'name'): string | undefined =>
    typeof value === 'object' && value !== null ? ((value as Json)[key] as string | undefined) : undefined;
  const add = (kind: string, name: string | undefined): void =>
    void (name !== undefined && named.push(`${kind} ${name}`));
  add('ConfigMap', nameIn(node.configMapKeyRef) ?? nameIn(node.configMap));
  add('Secret', nameIn(node.secretKeyRef) ?? nameIn(node.secret, 'secretName'));
  add('Secret', nameIn((node.authorization as Json | undefined)?.credentials));
  add('PersistentVolumeClaim', nameIn(node.persistentVolumeClaim, 'claimName'));
  add('TriggerAuthentication', nameIn(node.authenticationRef));
  add('ServiceAccount', node.serviceAccountName as string | undefined);
  for (const { name } of (node.secretTargetRef as { name: string }[] | undefined) ?? []) add('Secret', name);
}

function walk(node: unknown, visit: (node: Json) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) visit(node as Json);
  for (const value of Object.values(node)) walk(value, visit);
}
