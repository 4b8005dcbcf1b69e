/** Generated from customers.settled.avsc by `quadrille types`; not to be edited. */

/** A customer with the country that is meant; what the new system takes. */
export interface CustomerSettled {
  /** Number of the customer. */
  customer_no: number;
  /** Name. */
  name: string;
  /** Address for mail. */
  email: string | null;
  /** Date of birth. (YYYY-MM-DD) */
  born: string | null;
  /** ISO 3166-1 alpha-2. */
  country: string;
  /** Continent, for the sales regions. */
  continent: string;
  /** The account is in use. */
  active: boolean;
  /** Credit in euros. (decimal text) */
  credit: string;
  /** When the row was last written. (ms since the epoch) */
  changed: number;
}
