/** Schemas at the start of a flow: every change is explained before anything is registered. */
import { explainIncompatibility, type Flow, fieldPlace, readTopicSchema, type TopicSchema } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import type { Registry } from '@quadrille/station';

/** The schemas of all data topics of a flow, by topic. @throws Faults SCHEMA_INVALID, all at once */
export async function schemasOf(flow: Flow): Promise<Map<string, TopicSchema>> {
  const faults: Fault[] = [];
  const schemas = new Map<string, TopicSchema>();
  for (const topic of flow.topics.keys()) {
    try {
      schemas.set(topic, await readTopicSchema(flow.schemas, topic));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      faults.push(error);
    }
  }
  if (faults.length > 0) throw new Faults(faults);
  return schemas;
}

/**
 * What keeps records written so far from being read with these schemas: one SCHEMA_INCOMPATIBLE per field and cause.
 * @throws Fault REGISTRY_UNAVAILABLE
 */
export async function incompatibilities(registry: Registry, schemas: Iterable<TopicSchema>): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const schema of schemas) faults.push(...explain(schema, await registry.versions(`${schema.topic}-value`)));
  return faults;
}

/** An earlier version of a schema. */
export interface EarlierSchema {
  /** How people know it: its number in the registry, or the file it stands in. */
  version: number | string;
  schema: string;
}

/** Why what was written with an earlier version cannot be read with this one. */
export interface Break {
  /** Of the field; '' is the schema itself. */
  path: string;
  what: string;
  version: number | string;
}

/** Each cause once, at the oldest version it breaks: it breaks most later ones too. */
export function breaksOf(schema: TopicSchema, versions: readonly EarlierSchema[]): Break[] {
  const next: unknown = JSON.parse(schema.text);
  const breaks = new Map<string, Break>();
  for (const { version, schema: before } of versions) {
    for (const { path, what } of explainIncompatibility(JSON.parse(before), next)) {
      const key = `${path} ${what}`;
      if (!breaks.has(key)) breaks.set(key, { path, what, version });
    }
  }
  return [...breaks.values()];
}

/** The same as faults, each with its place in the file. */
export const explain = (schema: TopicSchema, versions: readonly EarlierSchema[]): Fault[] =>
  breaksOf(schema, versions).map(({ path, what, version }) => {
    const subject = path === '' ? 'the schema' : `field \`${path}\``;
    const broken = typeof version === 'number' ? `version ${version} of ${schema.topic}-value` : version;
    return new Fault('SCHEMA_INCOMPATIBLE', `${subject} ${what} (${broken})`, {
      place: fieldPlace(schema.file, path),
      ...(path === '' ? {} : { field: path }),
    });
  });
