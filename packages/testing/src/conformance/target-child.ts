/** The process that the suite kills: writes numbered batches into a target, and says which are done. Run by target-kill.ts. */
import { targetTypes } from '@quadrille/flow';
import { createLog, topicWriter } from '@quadrille/station';
import { rowsOf } from './target-kill.ts';
import { type ChildTarget, SCHEMA_TEXT, schema } from './target-sample.ts';

const { type, config, folder, from, to } = JSON.parse(process.argv[2] as string) as ChildTarget & {
  from: number;
  to: number;
};
const target = targetTypes[type]!.create(config, {
  schema: schema.type,
  fields: schema.fields,
  flow: 'conformance',
  station: 'killed',
  folder: folder ?? '.',
  env: process.env,
  topicWriter: (options) =>
    topicWriter(options, { env: process.env, clientId: 'killed', log: createLog({}, 'silent'), schema: SCHEMA_TEXT }),
});
await target.open();
for (let batch = from; batch < to; batch++) {
  const outcomes = await target.write(rowsOf(batch));
  if (outcomes.some((outcome) => outcome !== 'written' && outcome !== 'unchanged')) throw new Error(String(outcomes));
  // Written at once: what was said before the end counts as committed.
  process.stdout.write(`${batch}\n`);
}
await target.close();
