/** From page to page of an API: by number, offset or cursor, or where a link leads. */
import type { ConfigProblem } from '../../config-schema.ts';
import { POINTER, pointed } from '../../http/pointer.ts';
import type { Answered } from '../../http/requests.ts';

export interface PagesConfig {
  by: 'number' | 'offset' | 'cursor' | 'link';
  parameter?: string;
  first?: number;
  next?: string;
  size?: number;
  sizeParameter?: string;
}

/** For the JSON Schema of the source. */
export const pagesProperty = {
  description:
    'How the answer goes on; absent: it is whole. `number`, `offset`: counted in a parameter of the query. `cursor`: what stands at `next` of the answer goes into it. `link`: the header `Link` with `rel="next"`, or the address at `next`.',
  type: 'object',
  properties: {
    by: { enum: ['number', 'offset', 'cursor', 'link'] },
    parameter: { description: 'By default `page`, `offset` or `cursor`.', type: 'string', minLength: 1 },
    first: { description: 'Number of the first page, 1 by default.', type: 'integer', minimum: 0 },
    next: {
      description: 'A JSON Pointer; nothing there, null or false: it was the last page.',
      type: 'string',
      pattern: POINTER,
    },
    size: { description: 'Items of a page; a shorter one is the last.', type: 'integer', minimum: 1 },
    sizeParameter: { description: 'Where `size` is asked for.', type: 'string', minLength: 1 },
  },
  required: ['by'],
  additionalProperties: false,
} as const;

export function pagesProblems({ by, next, size, sizeParameter }: PagesConfig): ConfigProblem[] {
  const path = ['pages'];
  const problems: ConfigProblem[] = [];
  if (by === 'cursor' && next === undefined)
    problems.push({ path, what: 'nothing says where the cursor stands', help: 'name a JSON Pointer under `next`' });
  if (sizeParameter !== undefined && size === undefined)
    problems.push({ path, what: '`sizeParameter` without `size`', help: 'say how many items a page is to have' });
  return problems;
}

/** A path with parameters of its query set. */
export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  if (Object.keys(query).length === 0) return path;
  const [before = '', search = ''] = path.split(/\?(.*)/s);
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(query)) parameters.set(name, value);
  return `${before}?${parameters}`;
}

/** The first page's path. */
export function firstPage(path: string, pages: PagesConfig | undefined): string {
  if (pages === undefined) return path;
  const { by, parameter = 'page', first = 1, size, sizeParameter } = pages;
  return withQuery(path, {
    ...(by === 'number' && { [parameter]: String(first) }),
    ...(sizeParameter !== undefined && { [sizeParameter]: String(size) }),
  });
}

/**
 * The page after this one.
 * @param items how many this one has.
 * @returns a path, or with `link` an address as the API gives it; undefined: this is the last.
 */
export function nextPage(
  path: string,
  items: number,
  { json, headers }: Pick<Answered, 'json' | 'headers'>,
  pages: PagesConfig | undefined,
): string | undefined {
  if (pages === undefined) return undefined;
  const { by, first = 1, next, size } = pages;
  const given = next === undefined ? undefined : pointed(json, next);
  const told = given === null || given === undefined || given === false || given === '' ? undefined : String(given);
  if (by === 'link') return next === undefined ? linkOf(headers.link) : told;
  if (by === 'cursor') return told === undefined ? undefined : withQuery(path, { [pages.parameter ?? 'cursor']: told });
  if (items === 0 || (size !== undefined && items < size)) return undefined;
  const { parameter = by === 'number' ? 'page' : 'offset' } = pages;
  const at = Number(new URLSearchParams(path.split(/\?(.*)/s)[1]).get(parameter) ?? (by === 'number' ? first : 0));
  return withQuery(path, { [parameter]: String(by === 'number' ? at + 1 : at + items) });
}

/** The target of `rel="next"` (RFC 8288). */
function linkOf(header: string | string[] | undefined): string | undefined {
  const text = [header ?? ''].flat().join(', ');
  for (const [, target, parameters = ''] of text.matchAll(/<([^>]*)>((?:\s*;\s*[^,;"]+(?:"[^"]*")?)*)/g)) {
    const [, quoted, bare] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(parameters) ?? [];
    if ((quoted ?? bare ?? '').toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return undefined;
}
