/** Waiting for what others provide: brokers, registry, topics. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '@quadrille/record';
import { kafkaFault } from './kafka/faults.ts';
import type { Log } from './log.ts';

/** Tries something that needs others until it works. @returns undefined when told to stop before. @throws what waiting cannot mend. */
export async function untilReady<T>(
  what: () => Promise<T>,
  log: Log,
  stopped: Promise<string>,
): Promise<T | undefined> {
  let over = false;
  void stopped.then(() => {
    over = true;
  });
  for (let wait = 100; !over; wait = Math.min(wait * 2, 2_000)) {
    try {
      return await what();
    } catch (error) {
      if (error instanceof Faults) throw error;
      const fault = kafkaFault(error);
      if (fault.class !== 'dependency') throw fault;
      log.warn({ code: fault.code, waitMs: wait }, fault.message);
      await Promise.race([sleep(wait), stopped]);
    }
  }
  return undefined;
}
