/**
 * Condenses the OpenAPI document of Kubernetes and custom resource definitions into the schemas that the manifests are
 * held to: what the API server would refuse is refused, and unknown fields too, as by `kubectl apply --validate=strict`.
 * Descriptions and states go. Where the files come from stands in packages/testing/fixtures/kubernetes/README.md.
 *
 *   node packages/testing/src/kubernetes/condense-schemas.ts swagger.json crd.yaml …
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';

type Json = { [key: string]: unknown };

/** What the manifests use of Kubernetes itself. */
const BUILT_IN: Record<string, string> = {
  'v1/Namespace': 'io.k8s.api.core.v1.Namespace',
  'v1/ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1/Secret': 'io.k8s.api.core.v1.Secret',
  'v1/Service': 'io.k8s.api.core.v1.Service',
  'v1/ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
  'v1/PersistentVolumeClaim': 'io.k8s.api.core.v1.PersistentVolumeClaim',
  'apps/v1/Deployment': 'io.k8s.api.apps.v1.Deployment',
  'batch/v1/Job': 'io.k8s.api.batch.v1.Job',
  'networking.k8s.io/v1/NetworkPolicy': 'io.k8s.api.networking.v1.NetworkPolicy',
  'policy/v1/PodDisruptionBudget': 'io.k8s.api.policy.v1.PodDisruptionBudget',
};
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
/** Spelled as numbers or as texts. */
const EITHER = { type: ['string', 'number'] };
const LOOSE: Record<string, Json> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': EITHER,
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': EITHER,
};

const [swaggerFile = '', ...crdFiles] = process.argv.slice(2);
const all = (JSON.parse(readFileSync(swaggerFile, 'utf8')) as { definitions: Record<string, Json> }).definitions;
const definitions: Json = {};
const kinds: Json = {};
for (const [kind, name] of Object.entries(BUILT_IN)) kinds[kind] = ofKind(strict(all[name]!) as Json);
for (const file of crdFiles)
  for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) addCrd(document.toJS());
const text = JSON.stringify({ kinds, definitions });
const out = fileURLToPath(new URL('../../fixtures/kubernetes/schemas.json.gz', import.meta.url));
writeFileSync(out, gzipSync(text, { level: 9 }));
process.stdout.write(`${Object.keys(kinds).join('\n')}\n${text.length} bytes\n`);

/** Kind and version must be told, and be known. */
function ofKind(schema: Json): Json {
  const { status: _, ...properties } = schema.properties as Json;
  return {
    ...schema,
    properties,
    required: [...new Set(['apiVersion', 'kind', 'metadata', ...((schema.required as string[]) ?? [])])],
  };
}

function addCrd(crd: { spec: { group: string; names: { kind: string }; versions: Json[] } } | null): void {
  for (const version of crd?.spec.versions ?? []) {
    if (version.served !== true) continue;
    const schema = strict((version.schema as Json).openAPIV3Schema as Json) as Json;
    (schema.properties as Json).metadata = reference(META);
    kinds[`${crd!.spec.group}/${version.name}/${crd!.spec.names.kind}`] = ofKind(schema);
  }
}

/** The same, with references followed and unknown fields refused. */
function strict(schema: Json): unknown {
  if (typeof schema.$ref === 'string') return reference(schema.$ref.replace('#/definitions/', ''));
  if (schema['x-kubernetes-int-or-string'] === true) return EITHER;
  const kept: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'description' || key === 'default' || key === 'example' || key === 'format' || key.startsWith('x-'))
      continue;
    if (key === 'properties')
      kept[key] = Object.fromEntries(Object.entries(value as Json).map(([name, each]) => [name, strict(each as Json)]));
    else if (key === 'items' || key === 'not') kept[key] = strict(value as Json);
    else if (key === 'additionalProperties' && typeof value === 'object') kept[key] = strict(value as Json);
    else if (key === 'anyOf' || key === 'allOf' || key === 'oneOf')
      // These add conditions to fields that are named above them.
      kept[key] = (value as Json[]).map((each) => withoutStrictness(strict(each) as Json));
    else kept[key] = key === 'pattern' ? patternOf(value as string) : value;
  }
  if (
    kept.properties !== undefined &&
    kept.additionalProperties === undefined &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  )
    kept.additionalProperties = false;
  return kept;
}

function withoutStrictness(schema: Json): Json {
  const { additionalProperties, ...rest } = schema;
  return additionalProperties === false ? rest : schema;
}

function reference(name: string): Json {
  if (definitions[name] === undefined) {
    definitions[name] = {};
    definitions[name] = LOOSE[name] ?? strict(all[name]!);
  }
  return { $ref: `#/definitions/${name}` };
}

/** Go has a flag for all that follows, JavaScript only for a group. */
function patternOf(pattern: string): string {
  return pattern.includes('(?i)') ? `(?i:${pattern.replace('(?i)', '')})` : pattern;
}
