/** Series by name and labels: those that expressions ask for, and those that a process tells. */

export interface Series {
  name: string;
  labels: ReadonlyMap<string, string>;
}

/** What an expression selects: the name, the labels it tells apart, and the values it wants exactly. */
export interface Selector {
  name: string;
  labels: readonly string[];
  wanted: ReadonlyMap<string, string>;
}

const NAME = /[a-zA-Z_:][\w:]*/y;
/** Words of PromQL that stand where a name could; all others of its words are followed by a parenthesis, or by what they group by. */
const WORDS = new Set([
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'and',
  'or',
  'unless',
  'bool',
  'offset',
]);

/**
 * The selectors of a PromQL expression. Ranges, text and numbers are passed over; labels of by (…) and on (…) are given
 * apart, since they may belong to any of them.
 */
export function selectorsOf(expression: string): { selectors: Selector[]; grouped: string[] } {
  const selectors: Selector[] = [];
  const grouped: string[] = [];
  for (let at = 0; at < expression.length; ) {
    const rest = expression.slice(at);
    const skipped = /^(\s+|"(\\.|[^"])*"|\[[^\]]*\]|\d[\w.]*|[^a-zA-Z_:])/.exec(rest)?.[0];
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    NAME.lastIndex = at;
    const [name] = NAME.exec(expression)!;
    at += name.length;
    const list = /^\s*\(([^()]*)\)/.exec(expression.slice(at));
    if (/^(by|without|on|ignoring|group_left|group_right)$/.test(name) && list !== null) {
      grouped.push(
        ...list[1]!
          .split(',')
          .map((label) => label.trim())
          .filter(Boolean),
      );
      at += list[0].length;
      continue;
    }
    if (WORDS.has(name) || /^\s*(\(|(by|without)\s*\()/.test(expression.slice(at))) continue;
    const matchers = /^\s*\{((?:"(?:\\.|[^"])*"|[^}"])*)\}/.exec(expression.slice(at));
    at += matchers?.[0].length ?? 0;
    const each = [...(matchers?.[1] ?? '').matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"])*)"/g)];
    const exact = each.filter(([, , operator, value]) => operator === '=' && value !== '');
    selectors.push({
      name,
      labels: each.map(([, label]) => label!),
      wanted: new Map(exact.map(([, label, , value]) => [label!, value!])),
    });
  }
  return { selectors, grouped };
}

/** Of Prometheus's text format. */
export function seriesOf(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = ''] = /^([\w:]+)(?:\{(.*)\})? /.exec(line)!;
      const pairs = [...labels.matchAll(/(\w+)="((?:\\.|[^"])*)"/g)];
      return { name: name!, labels: new Map(pairs.map(([, label, value]) => [label!, value!])) };
    });
}
