/**
 * Local departure times to instants. All flights leave from New York; the local date is that of the schedule. The actual
 * departure is told by the clock alone: it is the time nearest to schedule plus delay at which New York's clocks showed it,
 * on the day before or the day after where the delay crosses midnight.
 */
import { dayOf, instantOf, minuteOf, nearestInstant, rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
import type { FlightQualified } from '../../../schemas/flights.qualified.ts';
import type { FlightReported } from '../../../schemas/flights.reported.ts';

const ZONE = 'America/New_York';
const MINUTE = 60_000;

type Departed = FlightReported & Pick<FlightQualified, 'scheduled_departure' | 'departed'>;

export default rule<FlightReported, Departed>({
  doc: 'Scheduled and actual departure as UTC instants, from local hhmm.',
  apply(reported) {
    const scheduledMinute = minuteOf(reported.sched_dep_time);
    const departedMinute = minuteOf(reported.dep_time ?? -1);
    if (scheduledMinute < 0)
      return reject('TIME_INVALID', '`sched_dep_time` is no time hhmm', { field: 'sched_dep_time' });
    if (departedMinute < 0) return reject('TIME_INVALID', '`dep_time` is no time hhmm', { field: 'dep_time' });
    const flight = reported as Departed;
    const scheduled = instantOf(ZONE, dayOf(flight.year, flight.month, flight.day), scheduledMinute);
    flight.scheduled_departure = scheduled;
    flight.departed = nearestInstant(ZONE, scheduled + (flight.dep_delay ?? 0) * MINUTE, departedMinute);
    flight.dep_delay ??= (flight.departed - scheduled) / MINUTE;
    return flight;
  },
  examples: [
    {
      name: 'winter',
      given: { year: 2013, month: 1, day: 1, sched_dep_time: 515, dep_time: 517, dep_delay: 2 },
      expect: { scheduled_departure: Date.UTC(2013, 0, 1, 10, 15), departed: Date.UTC(2013, 0, 1, 10, 17) },
    },
    {
      name: 'summer',
      given: { year: 2013, month: 7, day: 1, sched_dep_time: 515, dep_time: 517, dep_delay: 2 },
      expect: { scheduled_departure: Date.UTC(2013, 6, 1, 9, 15), departed: Date.UTC(2013, 6, 1, 9, 17) },
    },
    {
      name: '2400 is midnight at the end of the day',
      given: { year: 2013, month: 1, day: 31, sched_dep_time: 2359, dep_time: 2400, dep_delay: 1 },
      expect: { departed: Date.UTC(2013, 1, 1, 5, 0) },
    },
    {
      name: 'late, past midnight',
      given: { year: 2013, month: 12, day: 31, sched_dep_time: 2250, dep_time: 112, dep_delay: 142 },
      expect: { departed: Date.UTC(2014, 0, 1, 6, 12) },
    },
    {
      name: 'more than a day late',
      given: { year: 2013, month: 1, day: 9, sched_dep_time: 900, dep_time: 641, dep_delay: 1301 },
      expect: { departed: Date.UTC(2013, 0, 10, 11, 41) },
    },
    {
      name: 'early, before midnight',
      given: { year: 2013, month: 1, day: 2, sched_dep_time: 5, dep_time: 2355, dep_delay: -10 },
      expect: { departed: Date.UTC(2013, 0, 2, 4, 55) },
    },
    {
      name: 'late, over the hour that the clocks leave out',
      given: { year: 2013, month: 3, day: 9, sched_dep_time: 2359, dep_time: 310, dep_delay: 131 },
      expect: { scheduled_departure: Date.UTC(2013, 2, 10, 4, 59), departed: Date.UTC(2013, 2, 10, 7, 10) },
    },
    {
      name: 'no time',
      given: { year: 2013, month: 1, day: 1, sched_dep_time: 515, dep_time: 575 },
      expect: { reject: 'TIME_INVALID', field: 'dep_time' },
    },
  ],
});
