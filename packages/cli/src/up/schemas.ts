/** Schemas at the start of a flow: every change is explained before anything is registered. */
import { relative } from 'node:path';
import { explainIncompatibility, type Flow, readTopicSchema, type TopicSchema } from '@quadrille/flow';
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

/** Each cause once, at the oldest version it breaks: it breaks most later ones too. */
export function explain(schema: TopicSchema, versions: readonly { version: number; schema: string }[]): Fault[] {
  const next: unknown = JSON.parse(schema.text);
  const faults = new Map<string, Fault>();
  for (const { version, schema: before } of versions) {
    for (const { path, what } of explainIncompatibility(JSON.parse(before), next)) {
      const key = `${path} ${what}`;
      if (faults.has(key)) continue;
      const subject = path === '' ? 'the schema' : `field \`${path}\``;
      const details = { place: relative('', schema.file), ...(path === '' ? {} : { field: path }) };
      faults.set(
        key,
        new Fault('SCHEMA_INCOMPATIBLE', `${subject} ${what} (version ${version} of ${schema.topic}-value)`, details),
      );
    }
  }
  return [...faults.values()];
}
