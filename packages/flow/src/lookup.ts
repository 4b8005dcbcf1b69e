/**
 * Lookups: what an enricher joins. The engine feeds a topic lookup from its compacted topic; the join is a map access.
 */
export interface LookupConfig {
  /** The reference topic it is made from. */
  topic: string;
  /** Which fields of the lookup equal which fields of the record: `{ lookupField: recordField }`. */
  on: Record<string, string>;
  /** Which fields it gives to the record: `{ lookupField: recordField }`. */
  take: Record<string, string>;
  /** reject: dead letter LOOKUP_MISSING; null: the fields become null; hold: wait until it is there. Also when a join field is null. */
  missing: 'reject' | 'null' | 'hold';
}
