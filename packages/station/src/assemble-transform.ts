/** A transformer out of its entry: codecs of its topics, and its rules made ready. */
import {
  loadRules,
  outputContext,
  planStateful,
  type StatefulSpec,
  type TopicSchema,
  type TransformerSpec,
} from '@quadrille/flow';
import { stateTopic } from '@quadrille/record';
import { decoderOf, outputsFor, type Surroundings, schemaOf } from './assemble.ts';
import type { Emitter } from './emitter.ts';
import { stateCodec } from './own-topics.ts';
import { restoreState } from './state/restore.ts';
import { Stateful } from './state/stateful.ts';
import { Transform } from './transform.ts';

export async function transform(around: Surroundings, spec: TransformerSpec): Promise<Transform> {
  const input = await schemaOf(around.flow, spec.from);
  const { emitters, outputs } = await outputsFor(around, spec);
  const rules = await loadRules(spec.rules, {
    folder: around.flow.folder,
    input: input.fields,
    ...outputContext(outputs),
    timeoutMs: spec.timeoutMs,
  });
  const stateful =
    spec.stateful === undefined ? undefined : statefulOf(around, spec, spec.stateful, input, outputs[0]!, emitters[0]);
  return new Transform({ decoder: decoderOf(input, around), emitters, rules, stateful });
}

function statefulOf(
  { flow, kafka, admin, partitions }: Surroundings,
  { name, from }: TransformerSpec,
  declared: StatefulSpec,
  input: TopicSchema,
  output: TopicSchema,
  emitter: Emitter,
): Stateful {
  const topic = stateTopic(flow.name, name);
  return new Stateful({
    topic: from,
    plan: planStateful(declared, input.fields, output.fields),
    partitions: partitions.get(topic)!,
    verify: (value) => emitter.verify(value),
    encode: (entry) => stateCodec.encode(entry),
    restore: (partition, offset, session) => restoreState(kafka, admin, topic, partition, offset, session),
  });
}
