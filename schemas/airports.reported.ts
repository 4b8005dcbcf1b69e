/** Generated from airports.reported.avsc by `quadrille types`; not to be edited. */

/** An airport of the United States. */
export interface AirportReported {
  /** FAA code. */
  faa: string;
  /** Name. */
  name: string;
  /** Latitude, degrees. */
  lat: number;
  /** Longitude, degrees. */
  lon: number;
  /** Altitude, feet. */
  alt: number;
  /** Hours from UTC, without daylight saving. */
  tz: number;
  /** Daylight saving: A as in the USA, U unknown, N none. */
  dst: string;
  /** IANA time zone. */
  tzone: string | null;
}
