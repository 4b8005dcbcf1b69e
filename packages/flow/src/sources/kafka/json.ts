/** JSON in bytes of a topic. */
import { isUtf8 } from 'node:buffer';
import { Fault } from '@quadrille/record';

/**
 * @param what of the record: the value, the key.
 * @throws Fault TEXT_INVALID, ROW_MALFORMED: without what JSON.parse says, which quotes the text.
 */
export function readJson(bytes: Buffer, parse: (text: string) => unknown, place: string, what: string): unknown {
  const text = withoutPrefix(bytes);
  if (!isUtf8(text)) throw new Fault('TEXT_INVALID', what, { place });
  try {
    return parse(text.toString('utf8'));
  } catch {
    throw new Fault('ROW_MALFORMED', `${what} is not JSON`, { place, help: 'say what it is: `format`, `keys`' });
  }
}

/** What Confluent's serializer for JSON Schema writes begins as Avro does; no JSON begins with a zero. */
const withoutPrefix = (bytes: Buffer): Buffer => (bytes[0] === 0 ? bytes.subarray(5) : bytes);
