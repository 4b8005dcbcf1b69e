/** A message of a queue as a raw item: its body, also in the envelope of SNS, and what SQS knows of it. */
import type { Message } from '@aws-sdk/client-sqs';
import { Fault } from '@quadrille/record';
import type { RawItem } from '../../source.ts';
import { isObject } from '../exact-json.ts';

/** Who a message is, the same whenever it is received. */
interface Identity {
  id: string;
  version: bigint;
  key?: string;
}

/**
 * Sequence numbers of FIFO queues have 20 digits and more; versions have 53 bits. Those of one group that share a version
 * are told apart by their order, in which they are sent on.
 */
const SEQUENCE_SHIFT = 14n;

/** @param sns the body is a notification of SNS. */
export function itemOf(message: Message, queue: string, parse: (text: string) => unknown, sns: boolean): RawItem {
  const { Body = '', MessageId = '' } = message;
  const place = `${queue}/${MessageId}`;
  const who = { place, ...identityOf(message) };
  try {
    const body = parsed(Body, parse, place);
    if (!sns) return { ...who, fields: body };
    const { Type, Message: inner, MessageId: sent } = body;
    if (Type !== 'Notification' || typeof inner !== 'string')
      throw new Fault('ROW_MALFORMED', 'the message is no notification of SNS', {
        place,
        help: 'set `sns: false` where SNS delivers raw messages',
      });
    // SNS may deliver one notification as two messages.
    return { ...who, ...(typeof sent === 'string' && { id: sent }), fields: parsed(inner, parse, place) };
  } catch (error) {
    return { ...who, fault: error as Fault, bytes: Buffer.from(Body) };
  }
}

function identityOf({ MessageId = '', Attributes = {} }: Message): Identity {
  const { SentTimestamp = '0', SequenceNumber, MessageGroupId, MessageDeduplicationId } = Attributes;
  if (SequenceNumber === undefined) return { id: MessageId, version: BigInt(SentTimestamp) };
  return {
    id: MessageDeduplicationId ?? MessageId,
    version: BigInt(SequenceNumber) >> SEQUENCE_SHIFT,
    // One partition a group, so that it keeps its order.
    ...(MessageGroupId !== undefined && { key: MessageGroupId }),
  };
}

function parsed(text: string, parse: (text: string) => unknown, place: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // What JSON.parse says quotes the text, and a message must not hold payload.
  }
  if (isObject(value)) return value;
  throw new Fault('ROW_MALFORMED', 'it is not a JSON object', { place, help: 'every message must be one JSON object' });
}
