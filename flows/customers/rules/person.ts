import { rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
import type { CustomerLegacy } from '../../../schemas/customers.legacy.ts';
import type { CustomerQualified } from '../../../schemas/customers.qualified.ts';

type Named = CustomerLegacy & Pick<CustomerQualified, 'name' | 'country_as_written'>;

/** What a mail server takes, short of asking it. */
const ADDRESS = /^[^\s@,;()]+@[^\s@,;()]+\.[a-z]{2,}$/;

export default rule<CustomerLegacy, Named>({
  doc: 'Name, address for mail and country in one notation; what cannot be written to is set aside.',
  apply(customer) {
    const name = customer.name?.trim().replaceAll(/\s+/g, ' ') ?? '';
    if (name === '') return reject('NAME_MISSING', '`name` is empty', { field: 'name' });
    const email = customer.email?.trim().toLowerCase() || null;
    if (email !== null && !ADDRESS.test(email))
      return reject('EMAIL_INVALID', '`email` is no address for mail', { field: 'email' });
    const country = customer.country?.trim().toUpperCase() ?? '';
    if (country === '') return reject('COUNTRY_MISSING', '`country` is empty', { field: 'country' });
    return { ...customer, name, email, country_as_written: country };
  },
  examples: [
    {
      name: 'spaces and capitals',
      given: { name: '  Ada   Lovelace ', email: ' Ada@Lovelace.ORG', country: 'uk ' },
      expect: { name: 'Ada Lovelace', email: 'ada@lovelace.org', country_as_written: 'UK' },
    },
    { name: 'no address at all', given: { name: 'Ada', email: ' ', country: 'uk' }, expect: { email: null } },
    {
      name: 'a comma for a dot',
      given: { name: 'Ada', email: 'ada@lovelace,org', country: 'uk' },
      expect: { reject: 'EMAIL_INVALID', field: 'email' },
    },
    { name: 'no name', given: { name: ' ', country: 'uk' }, expect: { reject: 'NAME_MISSING', field: 'name' } },
    { name: 'no country', given: { name: 'Ada' }, expect: { reject: 'COUNTRY_MISSING', field: 'country' } },
  ],
});
