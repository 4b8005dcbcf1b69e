/** Which fields, ids and keys of which topics are sensitive, by the schemas and id templates of the flows. */
import { type Flow, readTopicSchema, templateFields } from '@quadrille/flow';

export interface TopicSensitivity {
  /** Whether a field of this name may not be shown. A name that the schema does not have may be a sensitive one's in the source. */
  hides(field: string): boolean;
  /** Sensitive fields by name. */
  fields: ReadonlySet<string>;
  /** Some of its values may not be shown. */
  some: boolean;
  ids: boolean;
  keys: boolean;
}

export interface Sensitivity {
  /** A topic that no flow knows is taken to be sensitive in all. @param topic a data topic, or its dead-letter topic. */
  of(topic: string): TopicSensitivity;
  /** Anything is, anywhere: then conditions over values could be used to guess them. */
  any: boolean;
  /** Ids of a flow's records are, in one of its topics at least: then questions for an id could be used to guess it. */
  ids(flow: string): boolean;
}

const ALL: TopicSensitivity = { hides: () => true, fields: new Set(), some: true, ids: true, keys: true };

/** Reads the schemas of all topics of these flows. */
export async function readSensitivity(flows: Iterable<Flow>): Promise<Sensitivity> {
  const all = [...flows];
  const topics = new Map<string, TopicSensitivity>();
  for (const flow of all) {
    for (const name of flow.topics.keys()) topics.set(name, topics.get(name) ?? (await ofSchema(flow, name)));
  }
  spreadIds(all, topics);
  return {
    of: (topic) => topics.get(topic.replace(/^dlq\./, '')) ?? ALL,
    any: [...topics.values()].some(({ some }) => some),
    ids: (name) => {
      const flow = all.find((each) => each.name === name);
      return [...(flow?.topics.keys() ?? [])].some((topic) => (topics.get(topic) ?? ALL).ids);
    },
  };
}

async function ofSchema(flow: Flow, topic: string): Promise<TopicSensitivity> {
  try {
    const { fields } = await readTopicSchema(flow.schemas, topic);
    const known = new Set(fields.map(({ name }) => name));
    const sensitive = new Set(fields.filter((field) => field.sensitive).map(({ name }) => name));
    const some = sensitive.size > 0;
    return {
      hides: (field) => sensitive.has(field) || (some && !known.has(field)),
      fields: sensitive,
      some,
      ids: false,
      keys: false,
    };
  } catch {
    return ALL;
  }
}

/** Ids and keys are made where records are extracted and go with them through all that follows. */
function spreadIds(flows: readonly Flow[], topics: Map<string, TopicSensitivity>): void {
  const stations = flows.flatMap((flow) => [...flow.stations.values()]);
  const mark = (topic: string, ids: boolean, keys: boolean): void => {
    const before = topics.get(topic);
    if (before === undefined || ((before.ids || !ids) && (before.keys || !keys))) return;
    topics.set(topic, { ...before, ids: before.ids || ids, keys: before.keys || keys });
    for (const station of stations) {
      if (station.kind !== 'extractor' && station.kind !== 'loader' && station.from === topic)
        // The outputs of a record that becomes several have paths under its id as keys.
        for (const to of station.to) mark(to, ids, ids || keys);
    }
  };
  for (const station of stations) {
    if (station.kind !== 'extractor') continue;
    const { fields } = topics.get(station.to) ?? ALL;
    // What an id is made of that the source brings nobody knows.
    const isSensitive = (template: string | undefined): boolean =>
      template === undefined ? fields.size > 0 : templateFields(template).some((field) => fields.has(field));
    mark(station.to, isSensitive(station.id), isSensitive(station.key ?? station.id));
  }
}
