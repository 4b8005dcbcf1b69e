/** Generated from flights.enriched.avsc by `quadrille types`; not to be edited. */

/** A flight that departed, with airline, airports, aircraft and weather, all times as instants. */
export interface FlightEnriched {
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
  /** Scheduled departure. (ms since the epoch) */
  scheduled_departure: number;
  /** Actual departure. (ms since the epoch) */
  departed: number;
  /** Scheduled arrival. (ms since the epoch) */
  scheduled_arrival: number;
  /** Actual arrival; null when none was reported. (ms since the epoch) */
  arrived: number | null;
  /** Minutes late at departure; negative: early. */
  dep_delay: number;
  /** Minutes late at arrival; null as well for flights that were diverted. */
  arr_delay: number | null;
  /** early: before schedule; on_time: under 15 minutes late; late: under an hour; very_late: an hour or more. */
  delay_class: 'early' | 'on_time' | 'late' | 'very_late';
  /** Miles per hour in the air. */
  speed_mph: number | null;
  /** The tail number is of the American register (N…); null without a tail number. */
  us_registered: boolean | null;
  /** Name of the airline. */
  airline_name: string;
  /** Name of the airport of departure. */
  origin_name: string;
  /** Name of the airport of arrival. */
  dest_name: string;
  /** IANA time zone of the airport of arrival. */
  dest_tz: string;
  /** Latitude of it, degrees. */
  dest_lat: number;
  /** Longitude of it, degrees. */
  dest_lon: number;
  /** Who built the aircraft; null like the other plane fields when its tail number is not on the register. */
  plane_manufacturer: string | null;
  /** Model of the aircraft. */
  plane_model: string | null;
  /** Year it was built. */
  plane_year: number | null;
  /** Its seats. */
  plane_seats: number | null;
  /** Temperature at departure, °F; null like the other weather fields when that hour was not observed. */
  temp: number | null;
  /** Wind, miles per hour. */
  wind_speed: number | null;
  /** Precipitation, inches. */
  precip: number | null;
  /** Visibility, miles. */
  visib: number | null;
}
