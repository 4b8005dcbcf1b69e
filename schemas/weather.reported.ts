/** Generated from weather.reported.avsc by `quadrille types`; not to be edited. */

/** An hour of weather at one of the three airports of New York. */
export interface WeatherReported {
  /** Airport (FAA code). */
  origin: string;
  /** Year, local. */
  year: number;
  /** Month. */
  month: number;
  /** Day. */
  day: number;
  /** Hour. */
  hour: number;
  /** Temperature, °F. */
  temp: number | null;
  /** Dew point, °F. */
  dewp: number | null;
  /** Relative humidity, percent. */
  humid: number | null;
  /** Direction of the wind, degrees. */
  wind_dir: number | null;
  /** Wind, mph. */
  wind_speed: number | null;
  /** Gusts, mph. */
  wind_gust: number | null;
  /** Precipitation, inches. */
  precip: number | null;
  /** Pressure at sea level, millibars. */
  pressure: number | null;
  /** Visibility, miles. */
  visib: number | null;
  /** The hour, in UTC. (ms since the epoch) */
  time_hour: number;
}
