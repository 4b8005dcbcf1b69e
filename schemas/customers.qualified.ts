/** Generated from customers.qualified.avsc by `quadrille types`; not to be edited. */

/** A customer with a name, an address that can be written to, and values that mean one thing. */
export interface CustomerQualified {
  /** Number of the customer. */
  customer_no: number;
  /** Name, without the spaces around it. */
  name: string;
  /** Address for mail, in lower case. */
  email: string | null;
  /** Date of birth. (YYYY-MM-DD) */
  born: string | null;
  /** Country as the old system has it, in upper case; key of countries.named. */
  country_as_written: string;
  /** The account is in use. */
  active: boolean;
  /** Credit in euros. (decimal text) */
  credit: string;
  /** When the row was last written. (ms since the epoch) */
  changed: number;
}
