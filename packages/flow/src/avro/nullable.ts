/** `["null", T]` and `[T, "null"]`: null or the bare value. avsc's own finds the branch by trying each on the value. */
import type avsc from 'avsc';
import { type InnerType, inner, type Tap } from './wire.ts';

/** The union again, with its hot functions replaced. Each gets functions of its own, so that the engine can inline them. */
export function nullable(union: avsc.Type): avsc.Type {
  const branches = (union as unknown as { types: readonly avsc.Type[] }).types;
  const nullIndex = branches.findIndex((branch) => branch.typeName === 'null');
  const value = inner(branches[1 - nullIndex] as avsc.Type);
  const nullByte = nullIndex * 2;
  const valueByte = 2 - nullByte;
  return Object.create(union, {
    _read: { value: readerOf(value, nullByte, valueByte) },
    _write: { value: writerOf(value, nullByte, valueByte) },
    _check: {
      value: (any: unknown, flags?: unknown, hook?: unknown, path?: unknown) =>
        any === null || value._check(any, flags, hook, path),
    },
    inner: { value: branches[1 - nullIndex] },
  });
}

const readerOf = (value: InnerType, nullByte: number, valueByte: number): ((tap: Tap) => unknown) =>
  new Function(
    'value',
    `return function readNullable(tap) {
    const branch = tap.buf[tap.pos++];
    if (branch === ${valueByte}) return value._read(tap);
    if (branch === ${nullByte}) return null;
    if (branch === undefined) return null; // beyond the end: the caller looks at the position
    throw new RangeError('union has no branch ' + branch / 2);
  }`,
  )(value);

const writerOf = (value: InnerType, nullByte: number, valueByte: number): ((tap: Tap, any: unknown) => void) =>
  new Function(
    'value',
    `return function writeNullable(tap, any) {
    if (any === null) {
      tap.buf[tap.pos++] = ${nullByte};
    } else {
      tap.buf[tap.pos++] = ${valueByte};
      value._write(tap, any);
    }
  }`,
  )(value);
