/** The floor's transformer: bare avsc, the same rules and the same SQL. */
import { loadRules, readFlow, readTopicSchema, type TransformerSpec } from '@quadrille/flow';
import { Drop, Fault } from '@quadrille/record';
import { bareType, runFloor, settings, wire } from './floor.ts';

const { flow: path, group, expect } = settings();
const flow = await readFlow(path!);
const spec = flow.stations.get('qualify') as TransformerSpec;
const input = bareType(flow.schemas, spec.from);
const output = bareType(flow.schemas, spec.to[0]);
const schemas = [await readTopicSchema(flow.schemas, spec.from), await readTopicSchema(flow.schemas, spec.to[0])];
const rules = await loadRules(spec.rules, {
  folder: flow.folder,
  input: schemas[0]!.fields,
  output: schemas[1]!.fields,
});

await runFloor({
  from: spec.from,
  to: spec.to[0],
  group: group!,
  expect: Number(expect),
  work: async (messages, partition) => {
    let keys = messages.map(({ key }) => key);
    let values = messages.map(({ value }) => input.decode(value!, 5).value as Record<string, unknown>);
    for (const rule of rules) {
      const results = await rule.apply(values);
      const kept: Record<string, unknown>[] = [];
      const keptKeys: (Buffer | null)[] = [];
      for (let i = 0; i < results.length; i++) {
        const result = results[i]!;
        if (result instanceof Drop || result instanceof Fault || Array.isArray(result)) continue;
        kept.push(result as Record<string, unknown>);
        keptKeys.push(keys[i]!);
      }
      values = kept;
      keys = keptKeys;
    }
    return values.map((value, i) => ({ key: keys[i]!, value: wire(output.toBuffer(value)), partition }));
  },
});
