/**
 * The column `topic` of a query: which of the station's topics a record goes to. Its values are written out, so that
 * they can be checked before anything runs.
 */
import { isNode, type Node } from './sql-check.ts';

export const TOPIC_COLUMN = 'topic';

export interface NamedTopics {
  /** Each topic where it is written. */
  named: { topic: string; at: Node }[];
  /** Values that are neither a text, null, nor a CASE of such. */
  computed: Node[];
}

/** @param query the outermost SELECT, parsed. */
export function topicsNamed(query: Node): NamedTopics {
  const found: NamedTopics = { named: [], computed: [] };
  const list = (query.select_list ?? []) as Node[];
  for (const expression of list) if (nameOf(expression) === TOPIC_COLUMN) collect(expression, found);
  return found;
}

/** The column's name, in lower case. */
function nameOf({ alias, column_names: names }: Node): string | undefined {
  const name = typeof alias === 'string' && alias !== '' ? alias : (names as string[] | undefined)?.at(-1);
  return name?.toLowerCase();
}

function collect(node: Node, found: NamedTopics): void {
  if (node.class === 'CASE') {
    for (const { then_expr: then } of node.case_checks as { then_expr: Node }[]) collect(then, found);
    if (isNode(node.else_expr)) collect(node.else_expr, found);
    return;
  }
  if (node.class === 'CAST' && isNode(node.child)) {
    collect(node.child, found);
    return;
  }
  const value = node.class === 'CONSTANT' ? (node.value as { is_null?: boolean; value?: unknown }) : undefined;
  if (value?.is_null === true) return;
  if (typeof value?.value === 'string') found.named.push({ topic: value.value, at: node });
  else found.computed.push(node);
}
