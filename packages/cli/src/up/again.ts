/** `--again`: tells every extractor of a flow to begin anew. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Flow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { controlEvent, Outlet, tell } from '@quadrille/station';
import type { Servers } from '../servers.ts';

const AGAIN_ATTEMPTS = 10;

/** Each attempt is the same event, so that one more changes nothing. A topic just created may lack its leader for a moment. */
export async function askAgain({ kafka }: Servers, flow: Flow): Promise<void> {
  const event = controlEvent({
    kind: 'again',
    flow: flow.name,
    by: 'quadrille up --again',
    pass: new Date().toISOString(),
  });
  const outlet = new Outlet(kafka);
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await tell(outlet, event);
      } catch (error) {
        if (attempt === AGAIN_ATTEMPTS || !(error instanceof Fault && error.class === 'dependency')) throw error;
        await wait(300);
      }
    }
  } finally {
    await outlet.close();
  }
}
