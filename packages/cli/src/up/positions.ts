/** How far each station of a flow is behind its input. */
import type { Flow, StationSpec } from '@quadrille/flow';
import { stationGroup } from '@quadrille/record';
import type { KafkaAdmin } from '@quadrille/station';

/**
 * Records between a station's committed positions and the end of its input; 0 for an extractor. A partition without a
 * position counts from its beginning, or as nothing where the station starts at the latest record.
 */
export async function lagOf(admin: KafkaAdmin, flow: Flow, spec: StationSpec): Promise<number> {
  if (spec.kind === 'extractor') return 0;
  const positions = await admin.committed(stationGroup(flow.name, spec.name), spec.from);
  // Ends after positions: what came in between counts as lag, never the other way round.
  const bounds = await admin.bounds(spec.from);
  return lagBetween(
    new Map(positions.map(({ partition, offset }) => [partition, offset])),
    bounds,
    spec.start === 'latest',
  );
}

export function lagBetween(
  positions: ReadonlyMap<number, number | undefined>,
  bounds: readonly { low: number; high: number }[],
  fromLatest: boolean,
): number {
  let lag = 0;
  for (const [partition, { low, high }] of bounds.entries())
    lag += Math.max(0, high - (positions.get(partition) ?? (fromLatest ? high : low)));
  return lag;
}

/** Stations in the order records pass through them, so that one look from first to last suffices. */
export function inOrder(flow: Flow): StationSpec[] {
  const ordered: StationSpec[] = [];
  const visit = (spec: StationSpec, path: readonly string[]): void => {
    if (ordered.includes(spec) || path.includes(spec.name)) return;
    if (spec.kind !== 'extractor') {
      const makers = flow.topics.get(spec.from)?.writers ?? [];
      for (const maker of makers) visit(flow.stations.get(maker)!, [...path, spec.name]);
    }
    ordered.push(spec);
  };
  for (const spec of flow.stations.values()) visit(spec, []);
  return ordered;
}
