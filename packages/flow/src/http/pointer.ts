/** JSON Pointer (RFC 6901): `/items/0/status`; '' is the whole. */

/** For the JSON Schema of a setting that is one. */
export const POINTER = '^(/([^~/]|~[01])*)*$';

/** What stands there, or undefined. */
export function pointed(json: unknown, pointer: string): unknown {
  let at = json;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
