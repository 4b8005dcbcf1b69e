/** What Kafka tells of a flow's stations: members, positions, pauses. Needs no running `up`. */
import { type Flow, outputTopicsOf } from '@quadrille/flow';
import { CONTROL_TOPIC, LEDGER_TOPIC, placeOf, stationGroup } from '@quadrille/record';
import { type ControlEvent, controlKey, readEvent, readLedger, readTopic } from '@quadrille/station';
import type { Servers } from './servers.ts';
import { lagOf } from './up/positions.ts';

export interface StationView {
  name: string;
  kind: string;
  from: string | null;
  /** The topics it writes. */
  to: readonly string[];
  /** running, stopped, paused, or rebalancing while members come and go. */
  state: string;
  members: number;
  /** null where the input topic is absent, and of extractors. */
  lag: number | null;
  /** Why it is paused. */
  reason: string | null;
  /** When it last settled a round, ISO-8601; null before the first. */
  last: string | null;
}

/** In the order of the flow file. */
export async function stationViews(servers: Servers, flow: Flow): Promise<StationView[]> {
  const { admin, kafka } = servers;
  const topics = new Set(await admin.listTopics());
  const controls = topics.has(CONTROL_TOPIC) ? await readControl(servers) : new Map<string, ControlEvent>();
  const lasts = new Map<string, number>();
  if (topics.has(LEDGER_TOPIC)) {
    for (const { entry } of await readLedger(kafka, admin)) {
      if (entry.flow === flow.name) lasts.set(entry.station, Math.max(lasts.get(entry.station) ?? 0, entry.at));
    }
  }
  return Promise.all(
    [...flow.stations.values()].map(async (spec): Promise<StationView> => {
      const group = await admin.describeGroup(stationGroup(flow.name, spec.name));
      const event = controls.get(`${flow.name}/${spec.name}/line`);
      const paused = event?.kind === 'pause' ? event : undefined;
      const lag = spec.kind === 'extractor' || !topics.has(spec.from) ? null : await lagOf(admin, flow, spec);
      const last = lasts.get(spec.name);
      return {
        name: spec.name,
        kind: spec.kind,
        from: spec.kind === 'extractor' ? null : spec.from,
        to: outputTopicsOf(spec),
        state: stateOf(group.state, paused !== undefined),
        members: group.members.length,
        lag,
        reason: paused === undefined ? null : [paused.code, paused.reason, `by ${paused.by}`].filter(Boolean).join(' '),
        last: last === undefined ? null : new Date(last).toISOString(),
      };
    }),
  );
}

function stateOf(group: string, paused: boolean): string {
  if (paused) return 'paused';
  if (group === 'Stable') return 'running';
  return /Rebalance/.test(group) ? 'rebalancing' : 'stopped';
}

/** The last event of each key of the control topic. */
export async function readControl({ kafka, admin, log }: Servers): Promise<Map<string, ControlEvent>> {
  const events = new Map<string, ControlEvent>();
  await readTopic(kafka, admin, [CONTROL_TOPIC], (topic, partition, messages) => {
    for (const { value, offset } of messages) {
      const event = readEvent(value, placeOf(topic, partition, Number(offset)), log);
      if (event !== undefined) events.set(controlKey(event), event);
    }
  });
  return events;
}
