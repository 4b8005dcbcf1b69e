/** A backend before what it needs is there: the service listens from its start, and says what it waits for. */
import type { Fault } from '@quadrille/record';
import type { Backend } from './backend.ts';

/** Until `real` gives one, every call is answered with `why`. */
export function awaited(real: () => Backend | undefined, why: () => Fault): Backend {
  return new Proxy({} as Backend, {
    get: (_, name) => {
      const there = real();
      if (there !== undefined) return there[name as keyof Backend];
      if (name === 'unready') return async () => why();
      return async () => {
        throw why();
      };
    },
  });
}
