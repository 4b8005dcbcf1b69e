/** `--again`: tells every extractor of a flow to begin anew. */
import type { Flow } from '@quadrille/flow';
import { controlEvent, Outlet, tell } from '@quadrille/station';
import type { Servers } from '../servers.ts';

/** @throws Fault BROKER_UNAVAILABLE */
export async function askAgain({ kafka }: Servers, flow: Flow): Promise<void> {
  const event = controlEvent({
    kind: 'again',
    flow: flow.name,
    by: 'quadrille up --again',
    pass: new Date().toISOString(),
  });
  const outlet = new Outlet(kafka);
  try {
    await tell(outlet, event);
  } finally {
    await outlet.close();
  }
}
