/** What a source is given, for tests: a folder, the fields wanted, and what differs from a plain context. */
import type { Field } from '../avro/field.ts';
import type { SourceContext, SourceLag } from '../source.ts';

/** @param more e.g. `env`; `lags` collects what the source tells of its lag. */
export function sourceContext(
  folder: string,
  fields: readonly string[],
  more: Partial<SourceContext> & { lags?: Map<string, SourceLag | undefined> } = {},
): SourceContext {
  const { lags, ...rest } = more;
  return {
    flow: 'test',
    station: 'read',
    instance: 'one',
    folder,
    fields,
    schema: fields.map((name) => ({ name, kind: 'string', nullable: true }) as Field),
    lanes: 4,
    env: {},
    log: { info: () => {}, warn: () => {} },
    lag: (shard, lag) => lags?.set(shard, lag),
    ...rest,
  };
}
