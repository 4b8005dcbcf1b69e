import { rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
import type { CustomerLegacy } from '../../../schemas/customers.legacy.ts';
import type { CustomerQualified } from '../../../schemas/customers.qualified.ts';

type Credited = CustomerLegacy & Pick<CustomerQualified, 'credit'>;

/** Thousands may be set apart; the last of point and comma is the decimal one. */
const AMOUNT = /^-?(\d{1,3}([.,]\d{3})+|\d+)([.,]\d{1,2})?$/;

/** With two decimals, digit by digit: money is never a floating-point number. */
function amountOf(text: string): string | undefined {
  if (!AMOUNT.test(text)) return undefined;
  const [, whole = '', decimals = ''] = /^(.*?)(?:[.,](\d{1,2}))?$/.exec(text) ?? [];
  return `${whole.replaceAll(/[.,]/g, '')}.${decimals.padEnd(2, '0')}`;
}

export default rule<CustomerLegacy, Credited>({
  doc: 'Credit with decimal point or comma to euros and cents; what is no amount is set aside.',
  apply(customer) {
    const credit = amountOf(customer.credit?.trim() || '0');
    return credit === undefined
      ? reject('CREDIT_INVALID', '`credit` is no amount', { field: 'credit' })
      : { ...customer, credit };
  },
  examples: [
    { name: 'point', given: { credit: '1234.5' }, expect: { credit: '1234.50' } },
    { name: 'comma and thousands', given: { credit: '1.234,56' }, expect: { credit: '1234.56' } },
    { name: 'thousands alone', given: { credit: '12.000' }, expect: { credit: '12000.00' } },
    { name: 'debts', given: { credit: '-7,5' }, expect: { credit: '-7.50' } },
    { name: 'nothing', given: { credit: ' ' }, expect: { credit: '0.00' } },
    { name: 'a word', given: { credit: 'n/a' }, expect: { reject: 'CREDIT_INVALID', field: 'credit' } },
  ],
});
