/** Where the parts of a TypeScript rule stand in its file, by its text: nothing that runs can tell. */

/** `file:line:column` of a key of the rule, of the default export where it has no such key, or of the beginning. */
export function placeOfKey(file: string, text: string, key: string | undefined): string {
  const start = exported(text);
  const at = key === undefined ? -1 : keyAt(text, key, start);
  return placeAt(file, text, at >= 0 ? at : start);
}

/** `file:line:column` of an example; of the list where they are not all written out. */
export function placeOfExample(file: string, text: string, index: number, count: number): string {
  const list = keyAt(text, 'examples', exported(text));
  if (list < 0) return placeOfKey(file, text, undefined);
  const given = [...text.slice(list).matchAll(/\bgiven\s*[:,}]/g)];
  return placeAt(file, text, given.length === count ? list + (given[index] as RegExpExecArray).index : list);
}

const exported = (text: string): number => Math.max(text.search(/^export default\b/m), 0);

/** As a property, shorthand or method. */
function keyAt(text: string, key: string, from: number): number {
  const escaped = key.replace(/[^\w]/g, '\\$&');
  const found = new RegExp(`(?<=[{,\\s])(?:async\\s+)?['"]?${escaped}['"]?\\s*(?:[:(]|,\\s*$)`, 'm').exec(
    text.slice(from),
  );
  return found === null ? -1 : from + found.index;
}

function placeAt(file: string, text: string, at: number): string {
  const before = text.slice(0, at);
  return `${file}:${before.split('\n').length}:${at - before.lastIndexOf('\n')}`;
}
