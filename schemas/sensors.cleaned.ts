/** Generated from sensors.cleaned.avsc by `quadrille types`; not to be edited. */

/** A reading that can be one, once. */
export interface SensorCleaned {
  /** Name of the sensor. */
  sensor: string;
  /** When it was measured, by the sensor's clock. (ms since the epoch) */
  taken_at: number;
  /** The temperature in degrees Celsius. */
  celsius: number;
}
