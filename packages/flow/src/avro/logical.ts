/**
 * Logical types. Times stay the whole numbers they are on the wire: exact, and free of an object per value. Dates and
 * decimals are strings, which hold every value exactly and sort, print and reach SQL as they are.
 */
import avsc from 'avsc';
import { formatDay, parseDay } from './day.ts';
import { decimalToText, textToUnscaled } from './decimal.ts';
import { type InnerType, inner, type Tap } from './wire.ts';

type Attributes = Record<string, unknown>;

abstract class Logical extends avsc.types.LogicalType {
  protected readonly attributes: Attributes;
  constructor(schema: Attributes, opts?: unknown) {
    super(schema as never, opts);
    this.attributes = schema;
  }
  protected override _export(schema: never): void {
    for (const name of ['precision', 'scale', 'longs'])
      if (name in this.attributes) (schema as Attributes)[name] = this.attributes[name];
  }
  /** Reads what was written with the same logical type, or with none; another meaning of the same number is refused. */
  _update(resolver: { _read?: unknown }, writer: avsc.Type): void {
    const writerIsLogical = writer instanceof Logical;
    if (writerIsLogical && !this.means(writer)) return;
    const base = inner(
      this.underlyingType.createResolver(writerIsLogical ? writer.underlyingType : writer) as unknown as avsc.Type,
    );
    resolver._read = (tap: Tap) => this._fromValue(base._read(tap));
  }
  protected means(writer: Logical): boolean {
    return writer.typeName === this.typeName;
  }
}

/** A whole number with a meaning: read and written as the int or long it is. */
class Plain extends Logical {
  readonly #base: InnerType;
  constructor(schema: Attributes, opts?: unknown) {
    super(schema, opts);
    this.#base = inner(this.underlyingType);
  }
  _read(tap: Tap): unknown {
    return this.#base._read(tap);
  }
  _write(tap: Tap, value: unknown): void {
    this.#base._write(tap, value);
  }
  _check(value: unknown, flags?: unknown, hook?: unknown, path?: unknown): boolean {
    return this.#base._check(value, flags, hook, path);
  }
  protected override _fromValue(value: unknown): unknown {
    return value;
  }
  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

class Uuid extends Logical {
  protected override _fromValue(value: unknown): unknown {
    return value;
  }
  protected override _toValue(value: unknown): unknown {
    return typeof value === 'string' && UUID.test(value) ? value : undefined;
  }
}

class CalendarDate extends Logical {
  protected override _fromValue(value: number): string {
    return formatDay(value);
  }
  protected override _toValue(value: unknown): number | undefined {
    return typeof value === 'string' ? parseDay(value) : undefined;
  }
}

class Decimal extends Logical {
  readonly #precision: number;
  readonly #scale: number;
  readonly #size: number | undefined;
  constructor(schema: Attributes, opts?: unknown) {
    super(schema, opts);
    const { precision, scale = 0 } = schema;
    if (!Number.isInteger(precision) || (precision as number) < 1)
      throw new Error('decimal needs a `precision` of at least 1');
    if (!Number.isInteger(scale) || (scale as number) < 0 || (scale as number) > (precision as number)) {
      throw new Error('decimal needs a `scale` between 0 and its precision');
    }
    this.#precision = precision as number;
    this.#scale = scale as number;
    this.#size = schema.type === 'fixed' ? (schema.size as number) : undefined;
  }
  protected override means(writer: Logical): boolean {
    return writer instanceof Decimal && writer.#scale === this.#scale;
  }
  protected override _fromValue(value: Buffer): string {
    return decimalToText(value, this.#scale);
  }
  protected override _toValue(value: unknown): Buffer | undefined {
    return typeof value === 'string' ? textToUnscaled(value, this.#precision, this.#scale, this.#size) : undefined;
  }
}

type LogicalClass = new (schema: Attributes, opts?: unknown) => avsc.Type;

/** Logical type, and the Avro types it may stand on. */
export const LOGICAL: Readonly<Record<string, { on: readonly string[]; type: LogicalClass }>> = {
  decimal: { on: ['bytes', 'fixed'], type: Decimal },
  date: { on: ['int'], type: CalendarDate },
  uuid: { on: ['string'], type: Uuid },
  'time-millis': { on: ['int'], type: Plain },
  'time-micros': { on: ['long'], type: Plain },
  'timestamp-millis': { on: ['long'], type: Plain },
  'timestamp-micros': { on: ['long'], type: Plain },
  'local-timestamp-millis': { on: ['long'], type: Plain },
  'local-timestamp-micros': { on: ['long'], type: Plain },
};
