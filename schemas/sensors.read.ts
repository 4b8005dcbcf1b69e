/** Generated from sensors.read.avsc by `quadrille types`; not to be edited. */

/** What a sensor says it has measured, in the unit it was built for. */
export interface SensorRead {
  /** Name of the sensor. */
  sensor: string;
  /** When it was measured, by the sensor's clock. (ms since the epoch) */
  taken_at: number;
  /** The temperature. */
  value: number;
  /** C or F. */
  unit: string;
}
