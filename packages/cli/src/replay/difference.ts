/** What a correction changes, field by field. */
import { isDeepStrictEqual } from 'node:util';
import { toJson } from '../print/output.ts';
import { printable } from '../print/values.ts';

export interface Change {
  /** Dotted. */
  path: string;
  before: unknown;
  after: unknown;
}

/** In order of the fields; within records and lists as deep as they differ. */
export function changesOf(before: unknown, after: unknown, path = ''): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ path, before, after }];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => changesOf(before[name], after[name], path === '' ? name : `${path}.${name}`));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** `dest: "SJU" → "JFK"`, one line each. */
export const changeLines = (changes: readonly Change[]): string[] =>
  changes.map(({ path, before, after }) => `${path}: ${text(before)} → ${text(after)}`);

const text = (value: unknown): string => (value === undefined ? 'absent' : printable(toJson(value)));
