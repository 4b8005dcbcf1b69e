/** What waiting can mend: something that the service needs is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '@quadrille/record';
import type { Log } from '@quadrille/station';
import { isKafkaError, kafkaFault } from '@quadrille/station';
import type { Duty } from './model.ts';

/** As a fault of class `dependency`; undefined for anything else. */
export function awayOf(error: unknown): Fault | undefined {
  const fault = told(error);
  return fault instanceof Fault && fault.class === 'dependency' ? fault : undefined;
}

/** What the Kafka client throws, in our words; anything else as it is. */
export const told = (error: unknown): unknown => (isKafkaError(error) ? kafkaFault(error) : error);

const LONGEST_WAIT_MS = 5_000;

/** A duty that is begun again when something it needs was away; anything else it throws ends it. */
export function enduring(name: string, duty: Duty, log: Log): Duty {
  return async (signal) => {
    for (let wait = 250; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      const begun = Date.now();
      try {
        await duty(signal);
        return;
      } catch (error) {
        const fault = awayOf(error);
        // What is thrown while everything is being closed is no news.
        if (signal.aborted) return;
        if (fault === undefined) throw error;
        log.warn({ duty: name, code: fault.code, waitMs: wait }, fault.message);
      }
      if (Date.now() - begun > 60_000) wait = 250;
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  };
}
