/** Payments as shops and bank report them. The same number gives the same payment. */

export interface Payment {
  payment: string;
  kind: 'card' | 'transfer';
  payer: string;
  amount: string;
  currency: string;
  country: string | null;
  purpose: string | null;
  /** ISO 8601. */
  at: string;
}

const PAYERS = ['A. Abel', 'B. Bell', 'C. Curie', 'D. Dirac', 'E. Euler', 'F. Fermi', 'G. Gauss', 'H. Hopper'];
const CURRENCIES = ['EUR', 'EUR', 'EUR', 'USD', 'GBP', 'CHF', 'JPY'];
const COUNTRIES = ['DE', 'FR', 'NL', 'AT', 'BE', 'US', 'GB', 'CH', null];
const PURPOSES = ['Order', 'Invoice', 'Donation', 'Subscription'];

/** A number between 0 and `below`, as if by chance: a different one for each `what` of a payment. */
const drawn = (number: number, what: number, below: number): number =>
  ((Math.imul(number + 1, 2_654_435_761) ^ Math.imul(what + 1, 0x85eb_ca6b)) >>> 8) % below;

export function paymentOf(kind: Payment['kind'], number: number): Payment {
  const cents = 1 + drawn(number, 1, 90_000) + (drawn(number, 2, 40) === 0 ? 1_200_000 : 0);
  const made: Payment = {
    payment: `${kind[0]}-${String(number).padStart(6, '0')}`,
    kind,
    payer: PAYERS[drawn(number, 3, PAYERS.length)]!,
    amount: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`,
    currency: CURRENCIES[drawn(number, 4, CURRENCIES.length)]!,
    country: COUNTRIES[drawn(number, 5, COUNTRIES.length)]!,
    purpose: `${PURPOSES[drawn(number, 6, PURPOSES.length)]} ${number}`,
    at: new Date(Date.UTC(2026, 0, 1) + number * 61_000).toISOString(),
  };
  const odd = drawn(number, 7, 100);
  if (odd === 0) made.amount = `-${made.amount}`;
  if (odd === 1) made.currency = kind === 'card' ? 'EURO' : 'US$';
  if (odd === 2) made.purpose = '500 gift cards';
  return made;
}
