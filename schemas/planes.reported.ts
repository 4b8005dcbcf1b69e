/** Generated from planes.reported.avsc by `quadrille types`; not to be edited. */

/** An aircraft on the register of the FAA. */
export interface PlaneReported {
  /** Tail number. */
  tailnum: string;
  /** Year built. */
  year: number | null;
  /** Type of aircraft. */
  type: string;
  /** Who built it. */
  manufacturer: string;
  /** Model. */
  model: string;
  /** Number of engines. */
  engines: number;
  /** Number of seats. */
  seats: number;
  /** Cruising speed, mph. */
  speed: number | null;
  /** Type of engine. */
  engine: string;
}
