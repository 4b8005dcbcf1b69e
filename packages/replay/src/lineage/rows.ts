/** The rows that stand in the targets of a flow. */
import { type Flow, type LoaderSpec, readTopicSchema, type Target, targetTypes, withSecrets } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { TraceStep } from '../api/index.ts';
import type { Ground } from '../model.ts';
import { stepOf } from './decided.ts';

/** Rows looked up at one loader; a record has seldom more than one. */
const ROWS = 100;

/**
 * One step for each row of these ids in the loader's target. A target that cannot be asked is a step too, which says why:
 * the rest of the way is known without it.
 */
export async function rowsOf(
  { env }: Pick<Ground, 'env'>,
  flow: Flow,
  spec: LoaderSpec,
  ids: Iterable<string>,
): Promise<TraceStep[]> {
  const steps: TraceStep[] = [];
  let target: Target | undefined;
  try {
    const schema = await readTopicSchema(flow.schemas, spec.from);
    target = targetTypes[spec.target.type]!.create(spec.target.config, {
      flow: flow.name,
      station: spec.name,
      folder: flow.folder,
      schema: schema.type,
      fields: schema.fields,
      env: withSecrets(env, spec.target.config),
    });
    if (target.find === undefined) return steps;
    for (const id of [...ids].slice(0, ROWS)) {
      const row = await target.find(id);
      if (row === undefined) continue;
      const { version, revision, topic, partition, offset, deleted } = row;
      steps.push(
        stepOf({
          kind: 'row',
          recordId: id,
          place: { topic, partition, offset },
          version: String(version),
          revision,
          station: spec.name,
          outcome: deleted ? 'deleted' : 'stands',
        }),
      );
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const reason = `the target cannot be asked: ${error.message}`;
    steps.push(stepOf({ kind: 'row', recordId: '', station: spec.name, code: error.code, reason }));
  } finally {
    await target?.close();
  }
  return steps;
}
