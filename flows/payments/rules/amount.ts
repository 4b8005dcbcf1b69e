import { rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
import type { PaymentReceived } from '../../../schemas/payments.received.ts';

export default rule<PaymentReceived>({
  doc: 'Sets aside what is no payment, since nothing is paid; brings currency and country to capitals.',
  apply(payment) {
    // A decimal is a text with all its digits.
    if (!/[1-9]/.test(payment.amount) || payment.amount.startsWith('-'))
      return reject('AMOUNT_INVALID', '`amount` is not above zero', { field: 'amount' });
    payment.currency = payment.currency.trim().toUpperCase();
    payment.country = payment.country?.trim().toUpperCase() ?? null;
    return payment;
  },
  examples: [
    { name: 'paid', given: { amount: '0.01', currency: 'eur' }, expect: { amount: '0.01', currency: 'EUR' } },
    { name: 'nothing', given: { amount: '0.00' }, expect: { reject: 'AMOUNT_INVALID', field: 'amount' } },
    { name: 'less than nothing', given: { amount: '-5.00' }, expect: { reject: 'AMOUNT_INVALID', field: 'amount' } },
    { name: 'no country', given: { amount: '1.00', currency: 'EUR' }, expect: { country: null } },
  ],
});
