/** Generated from flights.reported.avsc by `quadrille types`; not to be edited. */

/** A flight out of New York as the airline reported it, cancelled ones among them. Times are local, as numbers hhmm. */
export interface FlightReported {
  /** Year of the scheduled departure, local to the origin. */
  year: number;
  /** Month of it, 1 to 12. */
  month: number;
  /** Day of it, 1 to 31. */
  day: number;
  /** Actual departure, local hhmm (517 is 05:17, 2400 is midnight at the end of the day); null: never departed. */
  dep_time: number | null;
  /** Scheduled departure, local hhmm. */
  sched_dep_time: number;
  /** Minutes late at departure; negative: early. */
  dep_delay: number | null;
  /** Actual arrival, hhmm local to the destination. */
  arr_time: number | null;
  /** Scheduled arrival, hhmm local to the destination. */
  sched_arr_time: number;
  /** Minutes late at arrival; null as well for flights that were diverted. */
  arr_delay: number | null;
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
  /** Minutes in the air. */
  air_time: number | null;
  /** Miles between the two airports. */
  distance: number;
  /** Hour of the scheduled departure, local. */
  hour: number;
  /** Minute of it. */
  minute: number;
  /** The scheduled departure in UTC, cut to the hour; key of weather.reported with the origin. (ms since the epoch) */
  time_hour: number;
}
