/** Generated from countries.named.avsc by `quadrille types`; not to be edited. */

/** What people have written for a country, with what it means. */
export interface CountryNamed {
  /** As it was written, in upper case. */
  alias: string;
  /** ISO 3166-1 alpha-2. */
  code: string;
  /** Continent, for the sales regions. */
  continent: string;
}
