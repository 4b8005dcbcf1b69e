/** From a value as another schema means it to one as our field does: units of time, days, longs that are bigints. */
import { Fault } from '@quadrille/record';
import { formatDay } from '../../avro/day.ts';
import type { Field } from '../../avro/field.ts';

export type Convert = (value: unknown) => unknown;

/** Units a second, by logical type or by the name that Kafka Connect and Debezium give (Debezium documentation, "Temporal types"). */
const INSTANTS: Readonly<Record<string, number>> = {
  'timestamp-millis': 1e3,
  'timestamp-micros': 1e6,
  'timestamp-nanos': 1e9,
  'local-timestamp-millis': 1e3,
  'local-timestamp-micros': 1e6,
  'local-timestamp-nanos': 1e9,
  'org.apache.kafka.connect.data.Timestamp': 1e3,
  'io.debezium.time.Timestamp': 1e3,
  'io.debezium.time.MicroTimestamp': 1e6,
  'io.debezium.time.NanoTimestamp': 1e9,
};
const TIMES: Readonly<Record<string, number>> = {
  'time-millis': 1e3,
  'time-micros': 1e6,
  'org.apache.kafka.connect.data.Time': 1e3,
  'io.debezium.time.Time': 1e3,
  'io.debezium.time.MicroTime': 1e6,
  'io.debezium.time.NanoTime': 1e9,
};

/** Days that a Date can hold. */
const MOST_DAYS = 1e8;

/** @param meaning what the writer calls it. @returns undefined: as it is. */
export function conversion(field: Field, meaning: string | undefined): Convert | undefined {
  const { name, kind, bigint } = field;
  if (kind === 'date') return (value) => (isDay(value) ? formatDay(value) : value);
  const units = kind.includes('timestamp') ? INSTANTS : kind.startsWith('time-') ? TIMES : undefined;
  const from = meaning === undefined ? undefined : units?.[meaning];
  const to = units?.[kind];
  if (from === undefined || to === undefined || from === to) return bigint ? asBigint : undefined;
  const scale = scaleBy(to / from, name);
  return bigint ? (value) => asBigint(scale(value)) : scale;
}

const isDay = (value: unknown): value is number => Number.isInteger(value) && Math.abs(value as number) <= MOST_DAYS;

const asBigint: Convert = (value) => (Number.isSafeInteger(value) ? BigInt(value as number) : value);

/** @throws Fault FIELD_INVALID rather than rounding */
function scaleBy(factor: number, field: string): Convert {
  const divisor = Math.round(1 / factor);
  const fine = (): never => {
    throw new Fault('FIELD_INVALID', `\`${field}\` is finer than its type`, { field });
  };
  return (value) => {
    if (typeof value === 'bigint') {
      if (factor >= 1) return value * BigInt(factor);
      return value % BigInt(divisor) === 0n ? value / BigInt(divisor) : fine();
    }
    if (typeof value !== 'number') return value;
    if (factor >= 1) return value * factor;
    return value % divisor === 0 ? value / divisor : fine();
  };
}
