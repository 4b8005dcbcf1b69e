/** Strings that stay what they were: bytes that are no UTF-8, and halves of surrogate pairs, are faults and not U+FFFD. */
import { isUtf8 } from 'node:buffer';
import avsc from 'avsc';
import { readLong, type Tap } from './wire.ts';

interface StringTap extends Tap {
  readString(): string | undefined;
  writeString(text: string): void;
}

class ExactString extends avsc.types.StringType {
  _read(tap: StringTap): string | undefined {
    const start = tap.pos;
    const text = tap.readString();
    if (text?.includes('\uFFFD')) checkUtf8(tap, start);
    return text;
  }
  _write(tap: StringTap, value: unknown): void {
    if (typeof value !== 'string' || !value.isWellFormed()) throw new Error('invalid string');
    tap.writeString(value);
  }
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    if (typeof value === 'string' && value.isWellFormed()) return true;
    hook?.(value, this);
    return false;
  }
}

/** U+FFFD may have been written as such: only then are its bytes valid. */
function checkUtf8(tap: Tap, start: number): void {
  const from = { buf: tap.buf, pos: start };
  readLong(from);
  if (!isUtf8(tap.buf.subarray(from.pos, tap.pos))) throw new RangeError('string is not valid UTF-8');
}

export const exactString: avsc.Type = new ExactString();
