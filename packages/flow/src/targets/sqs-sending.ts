/** Messages sent to a queue of Amazon SQS, up to ten at a time, and what became of each. */
import type { Fault } from '@quadrille/record';
import { OF_ACCESS, type Queue } from '../sqs/queue.ts';

export interface QueueEntry {
  body: string;
  attributes: Record<string, string>;
  /** Of a FIFO queue. */
  group?: string;
  deduplication?: string;
}

/** `refused`: for what it is; `again`: for no fault of its own. */
export type EntryAnswer = 'taken' | 'again' | { refused: string };

/** Messages of a request that is refused for what is in it. */
const OF_MESSAGES =
  /InvalidMessageContents|BatchRequestTooLong|InvalidParameterValue|InvalidAttributeValue|MessageTooLong/;

/**
 * Sends up to ten. When SQS refuses the request for one of them without saying which, all are `refused`.
 * @throws Fault of class `dependency` or `config`: nothing is known of any.
 */
export async function sendTo(queue: Queue, entries: readonly QueueEntry[]): Promise<EntryAnswer[]> {
  const Entries = entries.map(({ body, attributes, group, deduplication }, i) => ({
    Id: String(i),
    MessageBody: body,
    MessageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
    ),
    ...(group !== undefined && { MessageGroupId: group }),
    ...(deduplication !== undefined && { MessageDeduplicationId: deduplication }),
  }));
  const answers: EntryAnswer[] = entries.map(() => 'again');
  try {
    const answer = await queue.call((client, { SendMessageBatchCommand }) =>
      client.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries })),
    );
    for (const { Id } of answer.Successful ?? []) answers[Number(Id)] = 'taken';
    for (const { Id, SenderFault, Code = '' } of answer.Failed ?? [])
      answers[Number(Id)] =
        SenderFault && !OF_ACCESS.test(Code) && !/Throttl/i.test(Code) ? { refused: Code } : 'again';
  } catch (error) {
    const { name = '' } = ((error as Fault).cause ?? {}) as Error;
    if (!OF_MESSAGES.test(name)) throw error;
    answers.fill({ refused: name.replace(/^.*\./, '') });
  }
  return answers;
}
