/** Where the parts of a TypeScript rule stand in its file, by its text: nothing that runs can tell; and where it threw. */
import { pathToFileURL } from 'node:url';

/** What loads rules, between them and Node. */
const LOADING = new URL('.', import.meta.url).href;

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

/** `file:line:column` of the first frame in the user's own code; of a syntax error, where the code ends to make sense. */
export function placeOfThrown(thrown: unknown, file: string): string | undefined {
  if (!(thrown instanceof Error) || thrown.stack === undefined) return undefined;
  const url = pathToFileURL(file).href;
  const lines = thrown.stack.split('\n');
  const frames = lines.filter((line) => /^\s+at .*file:\/\//.test(line));
  const own =
    frames.find((frame) => frame.includes(url)) ??
    frames.find((frame) => !frame.includes('node_modules') && !frame.includes(LOADING));
  const at = /file:\/\/\S+?:\d+:\d+/.exec(own ?? '')?.[0] ?? syntaxPlace(lines);
  if (at === undefined) return undefined;
  return decodeURI(at.replace(/^file:\/\//, ''));
}

/** A syntax error begins with `file:line`, lines of code, and a caret below the column. */
function syntaxPlace(lines: readonly string[]): string | undefined {
  const [first = ''] = lines;
  if (!/^(file:\/\/)?\S+:\d+$/.test(first)) return undefined;
  const caret = lines.find((line) => /^\s*\^+\s*$/.test(line));
  return caret === undefined ? first : `${first}:${caret.indexOf('^') + 1}`;
}

/** `file:line:column` of the import that leads to nothing; of the beginning where it is none of this file. */
export function placeOfImport(thrown: unknown, file: string, text: string): string {
  const [, missing = ''] = /^Cannot find (?:module|package) '([^']+)'/.exec((thrown as Error)?.message ?? '') ?? [];
  const name = missing.replace(/^.*\//, '');
  const found = [...text.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].find(
    ([, specifier]) => name !== '' && specifier?.endsWith(name),
  );
  return placeAt(file, text, found?.index ?? 0);
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
