/** Messages into a queue: of a FIFO queue in order. */
import { randomUUID } from 'node:crypto';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

const BATCH = 10;

/** @param groupOf of a FIFO queue: the group of each, by its number. */
export async function sendAll(
  client: SQSClient,
  QueueUrl: string,
  bodies: readonly string[],
  groupOf?: (index: number) => string,
): Promise<void> {
  const send = async (at: number): Promise<void> => {
    const { Failed = [] } = await client.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: bodies.slice(at, at + BATCH).map((MessageBody, i) => ({
          Id: String(i),
          MessageBody,
          ...(groupOf !== undefined && {
            MessageGroupId: groupOf(at + i),
            MessageDeduplicationId: randomUUID(),
          }),
        })),
      }),
    );
    if (Failed.length > 0) throw new Error(`not sent: ${Failed[0]?.Message}`);
  };
  const sideBySide = groupOf === undefined ? 8 : 1;
  for (let at = 0; at < bodies.length; at += BATCH * sideBySide) {
    const starts = Array.from({ length: sideBySide }, (_, i) => at + i * BATCH);
    await Promise.all(starts.filter((start) => start < bodies.length).map(send));
  }
}
