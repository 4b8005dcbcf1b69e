/** Customers as thirty years and four generations of clerks have left them. The same seed gives the same ones. */

export interface LegacyRow {
  customer_no: number;
  name: string | null;
  email: string | null;
  born: string;
  country: string;
  status: string;
  credit: string;
}

const FIRST =
  'Ada Alan Barbara Charles Dorothy Edsger Frances Grace Hedy Ida Jean Katherine Lise Mary Niklaus Otto'.split(' ');
const LAST =
  'Abel Bell Curie Dirac Euler Fermi Gauss Hopper Ising Joule Kepler Laplace Maxwell Noether Ohm Planck'.split(' ');
const HOSTS = ['posteo.de', 'web.de', 'free.fr', 'kpnmail.nl', 'btinternet.com', 'verizon.net', 'nifty.com'];
const COUNTRIES =
  'DE GER Germany Deutschland FR France Frankreich NL Netherlands UK GB England USA US U.S.A. Japan Brasil'.split(' ');
/** Nobody has said yet what they mean. */
const FORGOTTEN = ['Holland', 'West Germany', 'Scotland', 'Ceylon'];
const STATUS = ['A', 'A', 'ACTIVE', '1', '1', 'I', 'INACTIVE', '0', 'X'];

/** Mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One customer; of a hundred about four have something that somebody must look at, and one is none. */
export function legacyRow(customer_no: number, random: () => number): LegacyRow {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const first = pick(FIRST);
  const last = pick(LAST);
  const row: LegacyRow = {
    customer_no,
    name: random() < 0.1 ? ` ${first}  ${last}` : `${first} ${last}`,
    email: random() < 0.05 ? null : `${first}.${last}${customer_no}@${pick(HOSTS)}`,
    born: bornText(random),
    country: pick(COUNTRIES),
    status: pick(STATUS),
    credit: creditText(random),
  };
  const dirt = random();
  if (dirt < 0.008) row.email = row.email?.replace(/\.(\w+)$/, ',$1') ?? null;
  else if (dirt < 0.011) row.born = pick(['31.02.1970', '00.05.1962', '1959-13-01']);
  else if (dirt < 0.015) row.credit = pick(['n/a', 'see file', '-']);
  else if (dirt < 0.04) row.country = pick(FORGOTTEN);
  else if (dirt < 0.045) row.email = `qa${customer_no}@Example.com`;
  else if (dirt < 0.05) Object.assign(row, { name: `test ${customer_no}`, status: 'X' });
  return row;
}

function bornText(random: () => number): string {
  const ms = Date.UTC(1930, 0, 1) + Math.floor(random() * 27_000) * 86_400_000;
  const iso = new Date(ms).toISOString().slice(0, 10);
  const [year, month, day] = iso.split('-') as [string, string, string];
  const way = random();
  if (way < 0.4) return iso;
  if (way < 0.6) return `${day}.${month}.${year}`;
  if (way < 0.75) return `${Number(month)}/${Number(day)}/${year}`;
  return way < 0.9 ? `${year}${month}${day}` : '0000-00-00';
}

function creditText(random: () => number): string {
  const cents = Math.floor(random() * 500_000) - 20_000;
  if (random() < 0.2) return '';
  const plain = (cents / 100).toFixed(2);
  if (random() < 0.5) return plain;
  const [whole, decimals] = plain.split('.') as [string, string];
  return `${whole.replace(/(\d)(\d{3})$/, '$1.$2')},${decimals}`;
}
