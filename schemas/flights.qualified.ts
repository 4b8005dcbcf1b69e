/** Generated from flights.qualified.avsc by `quadrille types`; not to be edited. */

/** A flight that departed, with its departure as instants and its delay classified. Arrival is still local to the destination. */
export interface FlightQualified {
  /** Two-letter code of the airline; key of airlines.reported. */
  carrier: string;
  /** Flight number. */
  flight: number;
  /** Tail number of the aircraft; key of planes.reported. */
  tailnum: string | null;
  /** Airport of departure (FAA code): EWR, JFK or LGA. */
  origin: string;
  /** Airport of arrival (FAA code); key of airports.reported. */
  dest: string;
  /** Miles between the two airports. */
  distance: number;
  /** Minutes in the air. */
  air_time: number | null;
  /** The scheduled departure cut to the hour. (ms since the epoch) */
  time_hour: number;
  /** Scheduled departure. (ms since the epoch) */
  scheduled_departure: number;
  /** Actual departure. (ms since the epoch) */
  departed: number;
  /** Minutes late at departure; negative: early. */
  dep_delay: number;
  /** Scheduled arrival, hhmm local to the destination. */
  sched_arr_time: number;
  /** Actual arrival, hhmm local to the destination. */
  arr_time: number | null;
  /** Minutes late at arrival; null as well for flights that were diverted. */
  arr_delay: number | null;
  /** early: before schedule; on_time: under 15 minutes late; late: under an hour; very_late: an hour or more. */
  delay_class: 'early' | 'on_time' | 'late' | 'very_late';
  /** Miles per hour in the air. */
  speed_mph: number | null;
  /** The tail number is of the American register (N…); null without a tail number. */
  us_registered: boolean | null;
}
