/** Generated from airlines.reported.avsc by `quadrille types`; not to be edited. */

/** An airline. */
export interface AirlineReported {
  /** Two-letter code. */
  carrier: string;
  /** Name. */
  name: string;
}
