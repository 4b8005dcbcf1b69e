/** What the JSON Schema cannot see of a transformer's list: its order, and fields that the schemas do not have. */
import type { Field } from '../avro/field.ts';
import type { TransformerSpec } from '../flow.ts';
import { helpFor } from '../json-schema-problem.ts';
import { statefulProblems } from './plan.ts';

export interface EntryProblem {
  /** In the transformer's entry. */
  path: (string | number)[];
  what: string;
  help: string | undefined;
}

/** @param json the entry `transformer` as it was written. */
export function entryProblems(
  json: unknown,
  { stateful }: TransformerSpec,
  input: readonly Field[],
  output: readonly Field[],
): EntryProblem[] {
  if (stateful === undefined || !Array.isArray(json)) return [];
  const kinds = json.map((entry) => (typeof entry === 'string' ? 'file' : Object.keys(entry as object)[0]!));
  const rank = { file: 0, dedupe: 1, window: 2 } as Readonly<Record<string, number>>;
  const problems: EntryProblem[] = kinds.flatMap((kind, at) => {
    const before = Math.max(-1, ...kinds.slice(0, at).map((each) => rank[each] as number));
    const own = rank[kind] as number;
    if (own > before || (own === 0 && before === 0)) return [];
    const what =
      own === before ? `a second \`${kind}\`` : `${kind === 'file' ? 'a rule' : `\`${kind}\``} behind what keeps state`;
    return [
      { path: [at], what, help: 'rules, then `dedupe`, then `window`; what follows is for a station of its own' },
    ];
  });
  for (const { path, what, help, known } of statefulProblems(stateful, input, output))
    problems.push({
      path: [kinds.indexOf(String(path[0])), ...path],
      what,
      help: known === undefined ? help : helpFor(/`(.*)`$/.exec(what)?.[1] ?? '', known),
    });
  return problems;
}
