/** Longs, by one policy: a number where it is exact, a bigint where the schema says `"longs": "bigint"`, never rounded. */
import avsc from 'avsc';
import { readBigLong, readLong, type Tap, writeBigLong, writeLong } from './wire.ts';

function invalid(value: unknown, wanted: string): never {
  throw new Error(`invalid ${wanted}: ${typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)}`);
}

const isSafe = (value: unknown): value is number => Number.isSafeInteger(value);
const isBig = (value: unknown): value is bigint => typeof value === 'bigint' && BigInt.asIntN(64, value) === value;

/** avsc assigns `_read` of one type to resolvers of another, so nothing here may use `this` while reading. */
class SafeLong extends avsc.types.LongType {
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    if (isSafe(value)) return true;
    hook?.(value, this);
    return false;
  }
  _read(tap: Tap): number {
    return readLong(tap);
  }
  _write(tap: Tap, value: unknown): void {
    if (!isSafe(value)) invalid(value, 'long');
    writeLong(tap, value);
  }
  _update(resolver: { _read?: unknown }, writer: avsc.Type): void {
    if (writer.typeName === 'int' || writer.typeName === 'long' || writer.typeName === 'abstract:long')
      resolver._read = readLong;
  }
}

class BigLong extends avsc.types.LongType {
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    if (isBig(value)) return true;
    hook?.(value, this);
    return false;
  }
  _read(tap: Tap): bigint {
    return readBigLong(tap);
  }
  _write(tap: Tap, value: unknown): void {
    if (!isBig(value)) invalid(value, 'long (a bigint)');
    writeBigLong(tap, value);
  }
  _update(resolver: { _read?: unknown }, writer: avsc.Type): void {
    if (writer.typeName === 'int' || writer.typeName === 'long' || writer.typeName === 'abstract:long')
      resolver._read = readBigLong;
  }
  /** Defaults are JSON numbers. */
  _copy(value: unknown, opts?: { coerce?: number }): unknown {
    return opts?.coerce === 3 ? Number(value) : BigInt(value as number);
  }
  _deref(): string {
    return 'long';
  }
}
// How avsc knows a long that is not a number: it then asks `_check` which branch of a union a value belongs to.
Object.defineProperties(BigLong.prototype, {
  typeName: { value: 'abstract:long', enumerable: true },
  _concreteTypeName: { value: 'long' },
});

export const safeLong: avsc.Type = new SafeLong();
export const bigLong: avsc.Type = new BigLong();
