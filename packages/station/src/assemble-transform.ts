/** A transformer out of its entry: codecs of its topics, and its rules made ready. */
import { loadRules, type TransformerSpec } from '@quadrille/flow';
import { decoderOf, emitterOf, type Surroundings, schemaOf } from './assemble.ts';
import { Transform } from './transform.ts';

export async function transform(around: Surroundings, spec: TransformerSpec): Promise<Transform> {
  const input = await schemaOf(around.flow, spec.from);
  const output = await schemaOf(around.flow, spec.to);
  const emitter = await emitterOf(around, spec.from, output);
  const rules = await loadRules(spec.rules, {
    folder: around.flow.folder,
    input: input.fields,
    output: output.fields,
    timeoutMs: spec.timeoutMs,
  });
  return new Transform({ decoder: decoderOf(input, around), emitter, rules });
}
