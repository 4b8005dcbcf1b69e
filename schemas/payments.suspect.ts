/** Generated from payments.suspect.avsc by `quadrille types`; not to be edited. */

/** A payment that somebody has to look at before it is booked. */
export interface PaymentSuspect {
  /** Number of the payment, of whoever was paid through. */
  payment: string;
  /** card or transfer. */
  kind: string;
  /** Who pays. */
  payer: string;
  /** Amount in the currency. (decimal text) */
  amount: string;
  /** ISO 4217, as it came. */
  currency: string;
  /** Where the payer is, ISO 3166-1 alpha-2. */
  country: string | null;
  /** What it is for, as the payer wrote it. */
  purpose: string | null;
  /** When it was paid. (ms since the epoch) */
  at: number;
  /** Why: which rule of screening. */
  suspicion: string;
}
