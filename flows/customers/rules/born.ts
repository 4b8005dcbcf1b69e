import { rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
import type { CustomerLegacy } from '../../../schemas/customers.legacy.ts';

/** Year, month and day by the four notations that the old system has taken over the years. */
const NOTATIONS: readonly [RegExp, (found: string[]) => [string, string, string]][] = [
  [/^(\d{4})-(\d{2})-(\d{2})$/, ([, year, month, day]) => [year!, month!, day!]],
  [/^(\d{4})(\d{2})(\d{2})$/, ([, year, month, day]) => [year!, month!, day!]],
  [/^(\d{1,2})\.(\d{1,2})\.(\d{4})$/, ([, day, month, year]) => [year!, month!, day!]],
  [/^(\d{1,2})\/(\d{1,2})\/(\d{4})$/, ([, month, day, year]) => [year!, month!, day!]],
];

/** Texts that stand for nothing. */
const NOTHING = new Set(['', '0000-00-00', '00000000', '01.01.0001', '?', 'unknown']);

/** `YYYY-MM-DD`, where there is such a day; the calendar has no 31 February, whatever the text says. */
function dayOf(text: string): string | undefined {
  for (const [notation, parts] of NOTATIONS) {
    const found = notation.exec(text);
    if (found === null) continue;
    const [year, month, day] = parts(found).map((part, at) => part.padStart(at === 0 ? 4 : 2, '0'));
    const iso = `${year}-${month}-${day}`;
    const ms = Date.parse(`${iso}T00:00:00Z`);
    return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(iso) ? iso : undefined;
  }
  return undefined;
}

export default rule<CustomerLegacy>({
  doc: 'Dates of birth in four notations to one; a day that the calendar does not have is set aside.',
  apply(customer) {
    const text = customer.born?.trim() ?? '';
    if (NOTHING.has(text.toLowerCase())) return { ...customer, born: null };
    const born = dayOf(text);
    return born === undefined ? reject('BORN_INVALID', '`born` is no day', { field: 'born' }) : { ...customer, born };
  },
  examples: [
    { name: 'ISO', given: { born: '1978-03-02' }, expect: { born: '1978-03-02' } },
    { name: 'without strokes', given: { born: '19780302' }, expect: { born: '1978-03-02' } },
    { name: 'German', given: { born: '2.3.1978' }, expect: { born: '1978-03-02' } },
    { name: 'American', given: { born: '3/2/1978' }, expect: { born: '1978-03-02' } },
    { name: 'nothing, as the old system writes it', given: { born: '0000-00-00' }, expect: { born: null } },
    { name: 'a leap day', given: { born: '29.02.1980' }, expect: { born: '1980-02-29' } },
    { name: 'no leap year', given: { born: '29.02.1981' }, expect: { reject: 'BORN_INVALID', field: 'born' } },
    { name: 'the 31st of February', given: { born: '31.02.1970' }, expect: { reject: 'BORN_INVALID', field: 'born' } },
  ],
});
