/** Pausing and resuming stations: an order in the control topic, which holds also for stations that start later. */
import { userInfo } from 'node:os';
import { readFlow } from '@quadrille/flow';
import { CONTROL_TOPIC, Fault } from '@quadrille/record';
import { type ControlEvent, controlCodec, controlEvent, Outlet, tell } from '@quadrille/station';
import type { Context } from './command.ts';
import { flowPath } from './flow-path.ts';
import { type Servers, withServers } from './servers.ts';

export interface Order {
  kind: 'pause' | 'resume';
  reason: string;
  acceptLoss?: boolean;
}

/** @param words FLOW and STATION, or STATION alone where a flow runs here. @throws Fault NOT_FOUND, USAGE */
export async function order(
  context: Context,
  words: readonly string[],
  what: Order,
): Promise<{ flow: string; station: string }> {
  const [first, second] = words;
  const flow = await readFlow(flowPath(context, second === undefined ? undefined : first));
  const station = second ?? first ?? '';
  if (!flow.stations.has(station))
    throw new Fault('NOT_FOUND', `station \`${station}\``, {
      place: flow.name,
      help: `one of: ${[...flow.stations.keys()].join(', ')}`,
    });
  await withServers(context, (servers) =>
    send(
      servers,
      controlEvent({
        ...what,
        code: what.kind === 'pause' ? 'PAUSED' : '',
        flow: flow.name,
        station,
        by: operator(context),
      }),
    ),
  );
  return { flow: flow.name, station };
}

async function send({ kafka, admin, registry }: Servers, event: ControlEvent): Promise<void> {
  if (!(await admin.listTopics()).includes(CONTROL_TOPIC))
    throw new Fault('NOT_FOUND', `topic ${CONTROL_TOPIC}`, {
      help: 'no flow has run on this Kafka yet: `quadrille up FLOW`',
    });
  controlCodec.id ??= await registry.idOf(controlCodec.subject, controlCodec.text);
  const outlet = new Outlet(kafka);
  try {
    await tell(outlet, event);
  } finally {
    await outlet.close();
  }
}

/** Who types. */
export function operator({ env }: Context): string {
  try {
    return userInfo().username;
  } catch {
    return env.USER ?? 'operator';
  }
}
