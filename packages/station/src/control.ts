/** The control topic as one station sees it: is it paused, which extraction is asked for, which snapshots are complete. */
import { asFault, CONTROL_TOPIC, FAULTS, Fault, type FaultCode, partitionOf, placeOf } from '@quadrille/record';
import type { KafkaAdmin } from './kafka/admin.ts';
import { Follower } from './kafka/follower.ts';
import type { Outlet } from './kafka/producer.ts';
import type { Kafka } from './kafka/types.ts';
import { type Log, placeFields } from './log.ts';
import { type ControlEvent, controlCodec } from './own-topics.ts';

/** The compaction key of an event: the last one of a key holds. */
export function controlKey(event: ControlEvent): string {
  switch (event.kind) {
    case 'pause':
    case 'resume':
      return `${event.flow}/${event.station}/line`;
    case 'again':
      return `${event.flow}/again`;
    case 'snapshot':
      return `snapshot/${event.topic}/${event.flow}/${event.station}/${event.partition}`;
  }
}

export const controlEvent = (
  event: Partial<ControlEvent> & Pick<ControlEvent, 'kind' | 'flow' | 'by'>,
): ControlEvent => ({
  station: '',
  at: Date.now(),
  code: '',
  reason: '',
  acceptLoss: false,
  pass: '',
  topic: '',
  partition: 0,
  of: 0,
  count: 0,
  ends: [],
  ...event,
});

/** Says it durably; saying it twice changes nothing. @throws Fault BROKER_UNAVAILABLE after 10 s. */
export async function tell(outlet: Outlet, event: ControlEvent): Promise<void> {
  const key = Buffer.from(controlKey(event));
  const message = {
    key,
    value: controlCodec.encode(event),
    headers: {},
    partition: partitionOf(key, 1),
    timestamp: String(event.at),
  };
  await outlet.sendPatiently(new Map([[CONTROL_TOPIC, new Map([[0, [message]]])]]));
}

export interface Snapshot {
  of: number;
  parts: Map<number, ControlEvent>;
}

export interface ControlOptions {
  flow: string;
  station: string;
  sessionTimeoutMs: number;
  log: Log;
  /** Something new has been said. */
  changed(): void;
  onDead(fault: Fault): void;
}

/**
 * @returns undefined for an order that was taken back, and for what is none: all stations of all flows read this topic, and
 *   none of them may stand still for what somebody has written there by mistake.
 */
export function readEvent(value: Buffer | null, place: string, log: Log): ControlEvent | undefined {
  if (value === null) return undefined;
  try {
    return controlCodec.decode(value, place);
  } catch (error) {
    log.warn({ ...placeFields(place), code: asFault(error, 'DECODE_FAILED').code }, 'no control event, passed over');
    return undefined;
  }
}

export class Control {
  /** Why the station is paused; undefined: it is not. */
  paused: ControlEvent | undefined;
  resumed: ControlEvent | undefined;
  /** Name of the extraction asked for last; '' before the first `up --again`. */
  pass = '';
  /** By reference topic, then extractor. */
  readonly snapshots = new Map<string, Map<string, Snapshot>>();
  private readonly follower: Follower;

  constructor(kafka: Kafka, options: ControlOptions) {
    const { flow, station, sessionTimeoutMs, log, changed, onDead } = options;
    this.follower = new Follower(kafka, {
      name: `${flow}.${station}.control`,
      topics: [CONTROL_TOPIC],
      sessionTimeoutMs,
      onDead,
      onRecords: (topic, partition, messages) => {
        for (const { value, offset } of messages) {
          const event = readEvent(value, placeOf(topic, partition, Number(offset)), log);
          if (event !== undefined) this.apply(event, flow, station);
        }
        changed();
      },
    });
  }

  private apply(event: ControlEvent, flow: string, station: string): void {
    if (event.kind === 'snapshot') {
      const byExtractor = this.snapshots.get(event.topic) ?? new Map<string, Snapshot>();
      this.snapshots.set(event.topic, byExtractor);
      const name = `${event.flow}/${event.station}`;
      const snapshot = byExtractor.get(name) ?? { of: event.of, parts: new Map() };
      byExtractor.set(name, snapshot);
      snapshot.of = event.of;
      snapshot.parts.set(event.partition, event);
      return;
    }
    if (event.flow !== flow) return;
    if (event.kind === 'again') this.pass = event.pass;
    else if (event.station === station) {
      this.paused = event.kind === 'pause' ? event : undefined;
      if (event.kind === 'resume') this.resumed = event;
    }
  }

  /** The end offsets that every lookup on this topic must have reached; undefined while no extractor has completed its snapshot. */
  snapshotEnds(topic: string): { partition: number; offset: number }[] | undefined {
    const ends: { partition: number; offset: number }[] = [];
    for (const { of, parts } of this.snapshots.get(topic)?.values() ?? []) {
      if (parts.size < of) return undefined;
      for (const part of parts.values()) ends.push(...part.ends);
    }
    return this.snapshots.has(topic) ? ends : undefined;
  }

  /** @throws when Kafka does not answer. */
  async start(admin: KafkaAdmin): Promise<void> {
    await this.follower.start();
    await this.follower.caughtUp(admin);
  }

  async stop(): Promise<void> {
    await this.follower.stop();
  }
}

/** The fault that a pause carries. */
export function faultOf(event: ControlEvent): Fault {
  const code = event.code in FAULTS ? (event.code as FaultCode) : 'LINE_STOPPED';
  const fault = new Fault(code, event.reason === '' ? `by ${event.by}` : event.reason);
  return fault;
}
