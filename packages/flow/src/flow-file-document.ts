/** A flow file as text with places: every key and value can tell its line and column. */
import { Fault, type FaultCode } from '@quadrille/record';
import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';

export type Path = readonly (string | number)[];

export interface FlowDocument {
  /** The content as JSON; undefined when it is no mapping. */
  json: Record<string, unknown> | undefined;
  /** YAML errors, with where they stand in the text. */
  errors: readonly { fault: Fault; at: number }[];
  /** `file:line:column` of a value, or of its key; of the nearest part above that exists when it does not. */
  place(path: Path, of?: 'key' | 'value'): string;
  line(path: Path): number;
  /** What stands there, as JSON. */
  at(path: Path): unknown;
  /** First and last position of an entry in the text. */
  span(path: Path): { from: number; to: number } | undefined;
}

/**
 * Parses a flow file, or another file in YAML; errors are collected, never thrown.
 * @param shown how the file is named in places. @param code of syntax errors.
 */
export function parseFlow(text: string, shown: string, code: FaultCode = 'FLOW_SYNTAX'): FlowDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: true });
  const placeAt = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${shown}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const errors = document.errors.map((error) => ({
    fault: new Fault(code, error.message.replace(/\.$/, ''), { place: placeAt(error.pos[0]) }),
    at: error.pos[0],
  }));
  let json: unknown;
  try {
    json = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    errors.push({ fault: new Fault(code, (error as Error).message, { place: shown }), at: 0 });
  }

  /** The offset of a path's key or value. */
  const offsetOf = (path: Path, of: 'key' | 'value'): number => {
    let node = document.contents as Node | null;
    let offset = node?.range?.[0] ?? 0;
    for (const [depth, step] of path.entries()) {
      const last = depth === path.length - 1;
      if (isMap(node)) {
        const pair: Pair<unknown, unknown> | undefined = node.items.find(
          (item) => isScalar(item.key) && String(item.key.value) === String(step),
        );
        if (pair === undefined) return offset;
        const key = pair.key as Node;
        const value = pair.value as Node | null;
        offset = (last && of === 'value' ? (value?.range?.[0] ?? key.range?.[0]) : key.range?.[0]) ?? offset;
        node = value;
      } else {
        const child = document.getIn([...path.slice(0, depth + 1)], true) as Node | undefined;
        if (child?.range == null) return offset;
        offset = child.range[0];
        node = child;
      }
    }
    return offset;
  };

  return {
    json:
      typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : undefined,
    errors,
    place: (path, of = 'value') => placeAt(offsetOf(path, of)),
    line: (path) => lines.linePos(offsetOf(path, 'key')).line,
    at: (path) => path.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], json),
    span: (path) => {
      const value = document.getIn([...path], true) as Node | undefined;
      return value?.range == null ? undefined : { from: offsetOf(path, 'key'), to: value.range[2] };
    },
  };
}
