/** Generated from customers.legacy.avsc by `quadrille types`; not to be edited. */

/** A customer as the old system has it: thirty years of texts. */
export interface CustomerLegacy {
  /** Number of the customer; primary key. */
  customer_no: number;
  /** Name, as typed. */
  name: string | null;
  /** Address for mail, as typed. */
  email: string | null;
  /** Date of birth in any of four notations. */
  born: string | null;
  /** Country in any language or as a code. */
  country: string | null;
  /** Whether the account is in use, in the codes of three generations. */
  status: string | null;
  /** Credit in euros, with decimal point or comma. */
  credit: string | null;
  /** When the row was last written. (ms since the epoch) */
  changed: number;
}
