/** A transformer out of its entry: codecs of its topics, and its rules made ready. */
import { loadRules, outputContext, type TransformerSpec } from '@quadrille/flow';
import { decoderOf, outputsFor, type Surroundings, schemaOf } from './assemble.ts';
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
  return new Transform({ decoder: decoderOf(input, around), emitters, rules });
}
