/** What a sensor says in a day. The same sensor says the same. */

export interface Said {
  sensor: string;
  /** ISO 8601. */
  taken_at: string;
  value: number;
  unit: 'C' | 'F' | 'K';
}

const DAY = Date.UTC(2026, 0, 15);
const MINUTE = 60_000;

/** Between 0 and `below`, as if by chance: another one for each `what` of a minute. */
const drawn = (sensor: number, minute: number, what: number, below: number): number =>
  (((Math.imul(sensor * 1_440 + minute + 1, 2_654_435_761) ^ Math.imul(what + 1, 0x85eb_ca6b)) >>> 0) >> 8) % below;

/** A reading a minute, in the order in which they are sent. */
export function dayOf(sensor: number, hours: number): Said[] {
  const sent: { at: number; said: Said }[] = [];
  for (let minute = 0; minute < hours * 60; minute++) {
    const said = readingOf(sensor, minute, drawn(sensor, minute, 4, 400) === 0);
    const odd = drawn(sensor, minute, 1, 200);
    // Late by minutes or by hours: the gateway was out of reach.
    const late = odd < 4 ? 2 + drawn(sensor, minute, 2, 150) : 0;
    sent.push({ at: minute + late, said });
    if (odd >= 5 && odd < 10) sent.push({ at: minute + late + 1, said });
  }
  return sent.sort((a, b) => a.at - b.at).map(({ said }) => said);
}

/** The day after next: by then the hours of the day are closed. */
export const dayAfterNext = (sensor: number): Said => readingOf(sensor, 2 * 1_440, false);

/** Found in a gateway that had been out of reach for days. */
export const found = (sensor: number): Said => readingOf(sensor, 30.5, false);

function readingOf(sensor: number, minute: number, broken: boolean): Said {
  const celsius = 20 + sensor + 5 * Math.sin(minute / 220) + drawn(sensor, minute, 3, 100) / 100;
  const isFahrenheit = sensor % 5 === 0;
  const value = isFahrenheit ? celsius * 1.8 + 32 : celsius;
  return {
    sensor: `sensor-${sensor}`,
    taken_at: new Date(DAY + minute * MINUTE).toISOString(),
    value: broken ? 9_999 : Math.round(value * 100) / 100,
    unit: isFahrenheit ? 'F' : 'C',
  };
}
