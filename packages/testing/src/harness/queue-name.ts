import { randomBytes } from 'node:crypto';

/** A name that no other test has. @param fifo appends the ending that such queues must have. */
export const queueName = (fifo: boolean): string => `q${randomBytes(6).toString('hex')}${fifo ? '.fifo' : ''}`;
