/** The items of a call: a JSON object is one, a list has many. What is none is a fault with its bytes, and the others go on. */
import { isUtf8 } from 'node:buffer';
import { Fault } from '@quadrille/record';
import { pointed } from '../../http/pointer.ts';
import type { RawItem } from '../../source.ts';
import { isObject } from '../exact-json.ts';

export interface Read {
  items: RawItem[];
  /** It was a list, and is answered with one. */
  list: boolean;
}

export interface ItemsOptions {
  parse(text: string): unknown;
  /** Where a list stands in the call; undefined: the whole call is an item or a list of them. */
  items: string | undefined;
  /** The call as people find it: `/orders#k-12`. */
  place: string;
  /** The idempotency key. */
  key: string | undefined;
}

/** @throws Fault REQUEST_INVALID: there is no list where it should be. */
export function itemsOf(body: Buffer, { parse, items: pointer, place, key }: ItemsOptions): Read {
  if (!isUtf8(body)) return one(faulty(new Fault('TEXT_INVALID', '', { place }), body, place, key));
  let json: unknown;
  try {
    json = parse(body.toString('utf8'));
  } catch {
    // What JSON.parse says quotes the text, and a message must not hold payload.
    return one(faulty(malformed('the body is not JSON', place), body, place, key));
  }
  if (pointer === undefined && !Array.isArray(json)) return one(itemOf(json, body, place, key));
  const found = pointer === undefined ? json : pointed(json, pointer);
  if (!Array.isArray(found))
    throw new Fault('REQUEST_INVALID', `there is no list at \`${pointer}\``, {
      help: 'send the items as a list there',
    });
  const items = found.map((item, i) =>
    itemOf(item, undefined, `${place}:${i}`, key === undefined ? undefined : `${key}/${i}`),
  );
  return { items, list: true };
}

const one = (item: RawItem): Read => ({ items: [item], list: false });

/** A call with the same key is the same records: they have one version. */
function itemOf(item: unknown, bytes: Buffer | undefined, place: string, id: string | undefined): RawItem {
  if (isObject(item)) return { fields: item, place, ...(id !== undefined && { id, version: 0 }) };
  return faulty(malformed('it is not a JSON object', place), bytes ?? Buffer.from(JSON.stringify(item)), place, id);
}

const malformed = (what: string, place: string): Fault =>
  new Fault('ROW_MALFORMED', what, { place, help: 'send one JSON object, or a list of them' });

const faulty = (fault: Fault, bytes: Buffer, place: string, id: string | undefined): RawItem => ({
  fault,
  bytes,
  place,
  ...(id !== undefined && { id, version: 0 }),
});
