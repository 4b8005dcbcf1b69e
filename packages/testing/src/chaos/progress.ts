/** How far each station of a flow is, asked of Kafka alone: cheap enough to ask several times a second. */

import type { Flow, StationSpec } from '@quadrille/flow';
import { stationGroup } from '@quadrille/record';
import type { KafkaAdmin } from '@quadrille/station';

/** Records that a station has behind it, by station: of an extractor those that stand in its output topic. */
export type Progress = Map<string, number>;

/** @throws when Kafka does not answer. */
export async function readProgress(admin: KafkaAdmin, flow: Flow, stations: readonly string[]): Promise<Progress> {
  const progress: Progress = new Map();
  for (const name of stations) {
    const station = flow.stations.get(name)!;
    progress.set(
      name,
      station.kind === 'extractor' ? await standing(admin, station.to) : await judged(admin, flow, station),
    );
  }
  return progress;
}

async function standing(admin: KafkaAdmin, topic: string): Promise<number> {
  return (await admin.bounds(topic)).reduce((sum, { low, high }) => sum + high - low, 0);
}

async function judged(
  admin: KafkaAdmin,
  flow: Flow,
  station: Exclude<StationSpec, { kind: 'extractor' }>,
): Promise<number> {
  const positions = await admin.committed(stationGroup(flow.name, station.name), station.from);
  return positions.reduce((sum, { offset }) => sum + (offset ?? 0), 0);
}

/** Stations that do not stand at the end of their input. Extractors are not asked: their source is not Kafka's. */
export async function behind(admin: KafkaAdmin, flow: Flow): Promise<string[]> {
  const late: string[] = [];
  for (const station of flow.stations.values()) {
    if (station.kind === 'extractor') continue;
    const positions = await admin.committed(stationGroup(flow.name, station.name), station.from);
    const bounds = await admin.bounds(station.from);
    const waiting = bounds.reduce((sum, { low, high }, partition) => {
      const at = positions.find((position) => position.partition === partition)?.offset ?? low;
      return sum + Math.max(0, high - at);
    }, 0);
    if (waiting > 0) late.push(`${station.name} by ${waiting}`);
  }
  return late;
}
