import { rule } from '@quadrille/flow';
import { drop } from '@quadrille/record';
import type { FlightReported } from '../../../schemas/flights.reported.ts';

export default rule<FlightReported>({
  doc: 'Leaves out flights that never departed.',
  apply: (flight) => (flight.dep_time === null ? drop('FLIGHT_CANCELLED') : flight),
  examples: [
    { name: 'departed', given: { dep_time: 517, dest: 'IAH' }, expect: { dep_time: 517, dest: 'IAH' } },
    { name: 'departed at midnight', given: { dep_time: 2400 }, expect: { dep_time: 2400 } },
    { name: 'never departed', given: { dep_time: null }, expect: { drop: 'FLIGHT_CANCELLED' } },
  ],
});
