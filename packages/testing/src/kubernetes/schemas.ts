/** Holds resources to the schemas of Kubernetes and of the operators, as an API server does, without one. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Ajv, type ValidateFunction } from 'ajv';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: Record<string, unknown>;
  [field: string]: unknown;
}

const FILE = new URL('../../fixtures/kubernetes/schemas.json.gz', import.meta.url);

/** What a manifest says that its API would refuse: place and reason. */
export function schemaChecker(): (manifest: Manifest) => string[] {
  const { kinds, definitions } = JSON.parse(gunzipSync(readFileSync(FILE)).toString()) as {
    kinds: Record<string, object>;
    definitions: object;
  };
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false, unicodeRegExp: false });
  const compiled = new Map<string, ValidateFunction>();
  return (manifest) => {
    const kind = `${manifest.apiVersion}/${manifest.kind}`;
    const schema = kinds[kind];
    if (schema === undefined) return [`${kind} is not known`];
    const validate = compiled.get(kind) ?? ajv.compile({ ...schema, definitions });
    compiled.set(kind, validate);
    validate(manifest);
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const field = 'additionalProperty' in params ? ` \`${params.additionalProperty}\`` : '';
      return `${kind} ${manifest.metadata.name} ${instancePath}: ${message}${field}`;
    });
  };
}
