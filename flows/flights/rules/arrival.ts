/**
 * Local arrival times to instants. Arrival is local to the destination, so this runs where the destination's zone is
 * known: after the lookup. Neither time has a date. No flight takes a day: the scheduled arrival is the first time after
 * the scheduled departure at which the destination's clocks show it. The actual one is the nearest to schedule plus
 * delay; diverted flights have no delay, so for them it is the first such time after the departure.
 */
import { instantOf, localOf, minuteOf, nearestInstant, rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
import type { FlightEnriched } from '../../../schemas/flights.enriched.ts';
import type { FlightQualified } from '../../../schemas/flights.qualified.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

type Located = FlightQualified & { dest_tz: string | null };
type Arrived = Located & Pick<FlightEnriched, 'scheduled_arrival' | 'arrived'>;

export default rule<Located, Arrived>({
  doc: 'Scheduled and actual arrival as UTC instants, from hhmm local to the destination.',
  apply(located) {
    const zone = located.dest_tz;
    if (zone === null) return reject('ZONE_UNKNOWN', 'the destination has no time zone', { field: 'dest_tz' });
    const scheduledMinute = minuteOf(located.sched_arr_time);
    if (scheduledMinute < 0)
      return reject('TIME_INVALID', '`sched_arr_time` is no time hhmm', { field: 'sched_arr_time' });
    const flight = located as Arrived;
    const scheduled = firstAfter(flight.scheduled_departure, zone, scheduledMinute);
    flight.scheduled_arrival = scheduled;
    flight.arrived = null;
    if (flight.arr_time === null) return flight;
    const minute = minuteOf(flight.arr_time);
    if (minute < 0) return reject('TIME_INVALID', '`arr_time` is no time hhmm', { field: 'arr_time' });
    flight.arrived =
      flight.arr_delay === null
        ? firstAfter(flight.departed, zone, minute)
        : nearestInstant(zone, scheduled + flight.arr_delay * MINUTE, minute);
    return flight;
  },
  examples: [
    {
      name: 'in the zone of the destination',
      given: {
        scheduled_departure: Date.UTC(2013, 0, 1, 10, 15),
        dest_tz: 'America/Chicago',
        sched_arr_time: 819,
        arr_time: 830,
        arr_delay: 11,
      },
      expect: { scheduled_arrival: Date.UTC(2013, 0, 1, 14, 19), arrived: Date.UTC(2013, 0, 1, 14, 30) },
    },
    {
      name: 'after midnight, the plan and the plane',
      given: {
        scheduled_departure: Date.UTC(2013, 0, 2, 3, 0),
        dest_tz: 'America/New_York',
        sched_arr_time: 15,
        arr_time: 2400,
        arr_delay: -15,
      },
      expect: { scheduled_arrival: Date.UTC(2013, 0, 2, 5, 15), arrived: Date.UTC(2013, 0, 2, 5, 0) },
    },
    {
      name: 'a zone without daylight saving',
      given: {
        scheduled_departure: Date.UTC(2013, 6, 1, 14, 0),
        dest_tz: 'Pacific/Honolulu',
        sched_arr_time: 1445,
        arr_time: 1450,
        arr_delay: 5,
      },
      expect: { scheduled_arrival: Date.UTC(2013, 6, 2, 0, 45), arrived: Date.UTC(2013, 6, 2, 0, 50) },
    },
    {
      name: 'over the hour that comes twice',
      given: {
        scheduled_departure: Date.UTC(2013, 10, 3, 3, 29),
        dest_tz: 'America/New_York',
        sched_arr_time: 445,
        arr_time: 440,
        arr_delay: -5,
      },
      expect: { scheduled_arrival: Date.UTC(2013, 10, 3, 9, 45), arrived: Date.UTC(2013, 10, 3, 9, 40) },
    },
    {
      name: 'diverted: no delay is told',
      given: {
        scheduled_departure: Date.UTC(2013, 0, 1, 22, 0),
        departed: Date.UTC(2013, 0, 1, 23, 0),
        dest_tz: 'America/Chicago',
        sched_arr_time: 1900,
        arr_time: 30,
        arr_delay: null,
      },
      expect: { scheduled_arrival: Date.UTC(2013, 0, 2, 1, 0), arrived: Date.UTC(2013, 0, 2, 6, 30) },
    },
    {
      name: 'no arrival reported',
      given: {
        scheduled_departure: Date.UTC(2013, 0, 1, 22, 0),
        dest_tz: 'America/Chicago',
        sched_arr_time: 1900,
        arr_time: null,
      },
      expect: { scheduled_arrival: Date.UTC(2013, 0, 2, 1, 0), arrived: null },
    },
    { name: 'no zone', given: { dest_tz: null }, expect: { reject: 'ZONE_UNKNOWN', field: 'dest_tz' } },
  ],
});

/** The first instant after another at which a zone's clocks show a minute of the day. */
function firstAfter(instant: number, zone: string, minute: number): number {
  const day = Math.floor(localOf(zone, instant) / DAY);
  const today = instantOf(zone, day, minute);
  return today > instant ? today : instantOf(zone, day + 1, minute);
}
