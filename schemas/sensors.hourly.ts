/** Generated from sensors.hourly.avsc by `quadrille types`; not to be edited. */

/** An hour of a sensor, closed. */
export interface SensorHour {
  /** Name of the sensor. */
  sensor: string;
  /** When the hour began, UTC. (ms since the epoch) */
  hour: number;
  /** How many readings fell into it. */
  readings: number;
  /** Mean temperature in degrees Celsius. */
  mean: number | null;
  /** Lowest temperature. */
  lowest: number | null;
  /** Highest temperature. */
  highest: number | null;
}
