/**
 * Arrays and maps that do not believe the number of items that the bytes announce: five bytes of `array<null>` can
 * announce millions, and a negative length can send the reader round in circles.
 */
import type avsc from 'avsc';
import { inner, readLong, type Tap } from './wire.ts';

/** Items without bytes (null, an empty record) that one collection may hold. */
const EMPTY_ITEMS = 1_000_000;

interface Collection {
  itemsType?: avsc.Type;
  valuesType?: avsc.Type;
}

/** The array or map again, reading within bounds. Resolvers take `_read` over and call it upon themselves. */
export function bounded(type: avsc.Type): avsc.Type {
  const { itemsType, valuesType } = type as unknown as Collection;
  const isMap = valuesType !== undefined;
  const limitOf = isMap || !isEmpty(itemsType as avsc.Type) ? bytesLeft : () => EMPTY_ITEMS;
  const read = isMap
    ? function readMap(this: Collection, tap: Tap): unknown {
        const values = inner(this.valuesType as avsc.Type);
        const map: Record<string, unknown> = {};
        eachItem(tap, limitOf, () => {
          const key = readKey(tap);
          if (key === '__proto__') throw new RangeError('map has a key `__proto__`');
          map[key] = values._read(tap);
        });
        return map;
      }
    : function readArray(this: Collection, tap: Tap): unknown {
        const items = inner(this.itemsType as avsc.Type);
        const list: unknown[] = [];
        eachItem(tap, limitOf, () => list.push(items._read(tap)));
        return list;
      };
  const item = inner((valuesType ?? itemsType) as avsc.Type);
  const skip = (tap: Tap): void =>
    eachItem(tap, limitOf, () => {
      if (isMap) readKey(tap);
      item._skip(tap);
    });
  return Object.create(type, { _read: { value: read }, _skip: { value: skip } });
}

function eachItem(tap: Tap, limitOf: (tap: Tap) => number, visit: () => void): void {
  let total = 0;
  for (let count = readLong(tap); count !== 0; count = readLong(tap)) {
    if (count < 0) {
      count = -count;
      readLong(tap); // the block's bytes, not needed
    }
    total += count;
    if (count > limitOf(tap) || total > Math.max(EMPTY_ITEMS, tap.buf.length)) {
      throw new RangeError(`collection announces ${count} items, more than its bytes can hold`);
    }
    for (; count > 0; count--) {
      const before = tap.pos;
      visit();
      if (tap.pos < before || tap.pos > tap.buf.length) throw new RangeError('item has a length that does not fit');
    }
  }
}

const bytesLeft = (tap: Tap): number => tap.buf.length - tap.pos;

function readKey(tap: Tap): string {
  const length = readLong(tap);
  if (length < 0 || length > bytesLeft(tap)) throw new RangeError('key has a length that does not fit');
  tap.pos += length;
  return tap.buf.toString('utf8', tap.pos - length, tap.pos);
}

/** Whether every value of a type takes no bytes. */
function isEmpty(type: avsc.Type): boolean {
  if (type.typeName === 'null') return true;
  if (type.typeName === 'fixed') return (type as avsc.types.FixedType).size === 0;
  return type.typeName === 'record' && (type as avsc.types.RecordType).fields.every((field) => isEmpty(field.type));
}
