/** What registering the schemas of a flow would change, and what of it breaks readers. */
import { type SchemaChange, schemaChanges, type TopicSchema } from '@quadrille/flow';
import { breaksOf, type EarlierSchema } from '../up/schemas.ts';

export interface TopicChange extends Omit<SchemaChange, 'change'> {
  topic: string;
  /** `new`: the topic has no schema yet; `unchanged`: a field that is as it was, and breaks reading an older version. */
  change: SchemaChange['change'] | 'new' | 'unchanged';
  compatible: boolean;
  /** Why reading what was written so far would break, and the version that breaks first. */
  breaks: { what: string; version: number | string }[];
}

/** Against the latest version; compatible or not with all of them. @param versions oldest first. */
export function changesOf(schema: TopicSchema, versions: readonly EarlierSchema[]): TopicChange[] {
  const { topic, text } = schema;
  const latest = versions.at(-1);
  if (latest === undefined)
    return [
      {
        topic,
        path: '',
        change: 'new',
        before: undefined,
        after: `${schema.fields.length} fields`,
        compatible: true,
        breaks: [],
      },
    ];
  const breaks = Map.groupBy(breaksOf(schema, versions), ({ path }) => path);
  const rows: TopicChange[] = schemaChanges(JSON.parse(latest.schema), JSON.parse(text)).map((change) => {
    const own = BREAKING.has(change.change) ? (breaks.get(change.path) ?? []) : [];
    if (own.length > 0) breaks.delete(change.path);
    return { topic, ...change, compatible: own.length === 0, breaks: own.map(told) };
  });
  for (const [path, own] of breaks)
    rows.push({
      topic,
      path,
      change: 'unchanged',
      before: undefined,
      after: undefined,
      compatible: false,
      breaks: own.map(told),
    });
  return rows;
}

const told = ({ what, version }: { what: string; version: number | string }) => ({ what, version });

/** The changes that a reason why reading breaks can belong to. */
const BREAKING: ReadonlySet<string> = new Set(['added', 'renamed', 'type', 'default', 'name']);
