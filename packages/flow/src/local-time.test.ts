import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOf, instantOf, localOf, minuteOf, nearestInstant } from './local-time.ts';

const NEW_YORK = 'America/New_York';
const iso = (instant: number): string => new Date(instant).toISOString().slice(0, 16);

const cases: [what: string, zone: string, date: [number, number, number], minute: number, utc: string][] = [
  ['winter', NEW_YORK, [2013, 1, 1], 317, '2013-01-01T10:17'],
  ['summer', NEW_YORK, [2013, 7, 1], 317, '2013-07-01T09:17'],
  ['2400 is midnight at the end', NEW_YORK, [2013, 1, 1], 1440, '2013-01-02T05:00'],
  ['before the gap', NEW_YORK, [2013, 3, 10], 119, '2013-03-10T06:59'],
  ['in the gap: 02:30 counts on to 03:30', NEW_YORK, [2013, 3, 10], 150, '2013-03-10T07:30'],
  ['after the gap', NEW_YORK, [2013, 3, 10], 180, '2013-03-10T07:00'],
  ['2400 on the eve of the gap', NEW_YORK, [2013, 3, 9], 1440, '2013-03-10T05:00'],
  ['twice: the first', NEW_YORK, [2013, 11, 3], 90, '2013-11-03T05:30'],
  ['after the hour that comes twice', NEW_YORK, [2013, 11, 3], 120, '2013-11-03T07:00'],
  ['evening of that day', NEW_YORK, [2013, 11, 3], 1439, '2013-11-04T04:59'],
  ['no daylight saving', 'Pacific/Honolulu', [2013, 7, 1], 600, '2013-07-01T20:00'],
  ['ahead of UTC, change at midnight UTC', 'Europe/Berlin', [2024, 3, 31], 600, '2024-03-31T08:00'],
  ['half an hour of daylight saving', 'Australia/Lord_Howe', [2024, 4, 7], 600, '2024-04-06T23:30'],
];

for (const [what, zone, [year, month, day], minute, utc] of cases) {
  test(`${zone}: ${what}`, () => assert.equal(iso(instantOf(zone, dayOf(year, month, day), minute)), utc));
}

test('there and back, every quarter of an hour of a year', () => {
  for (const zone of [NEW_YORK, 'America/Phoenix', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata']) {
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
    for (let t = Date.UTC(2013, 0, 1); t < Date.UTC(2014, 0, 1); t += 900_000 * 7) {
      const local = localOf(zone, t);
      assert.equal(iso(local).replace('T', ' '), format.format(t), `${zone} ${iso(t)}`);
      const back = instantOf(zone, Math.floor(local / 86_400_000), (local % 86_400_000) / 60_000);
      assert.ok(
        [0, 1_800_000, 3_600_000].includes(t - back) && localOf(zone, back) === local,
        `${zone} ${iso(t)} → ${iso(back)}`,
      );
    }
  }
});

test('hhmm', () =>
  assert.deepEqual([517, 2400, 0, 5, 2359, 60, 2401, -1, 1.5].map(minuteOf), [317, 1440, 0, 5, 1439, -1, -1, -1, -1]));

test('the nearest time of day, across midnight either way', () => {
  const expected = Date.UTC(2013, 0, 2, 4, 50); // 23:50 in New York on January 1st
  assert.equal(iso(nearestInstant(NEW_YORK, expected, 10)), '2013-01-02T05:10');
  assert.equal(iso(nearestInstant(NEW_YORK, expected, 1400)), '2013-01-02T04:20');
  assert.equal(iso(nearestInstant(NEW_YORK, Date.UTC(2013, 0, 2, 5, 10), 1430)), '2013-01-02T04:50');
});
