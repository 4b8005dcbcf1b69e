/** A flow drawn: as Mermaid, and as plain text along its edges. */
import { type Flow, inputsOf, outputTopicsOf, type StationSpec } from '@quadrille/flow';

/** https://mermaid.js.org/syntax/flowchart.html */
export function mermaid(flow: Flow): string {
  const lines = ['flowchart LR'];
  const id = (kind: 's' | 't' | 'x', name: string): string => `${kind}_${name.replace(/[^a-zA-Z0-9]/g, '_')}`;
  for (const topic of flow.topics.keys()) lines.push(`  ${id('t', topic)}[(${topic})]`);
  for (const station of flow.stations.values()) {
    const me = id('s', station.name);
    lines.push(`  ${me}["${station.name}<br/>${station.kind}"]`);
    if (station.kind === 'extractor') lines.push(`  ${id('x', station.name)}>"${outside(station)}"] --> ${me}`);
    const [input, ...lookups] = inputsOf(station);
    if (input !== undefined) lines.push(`  ${id('t', input)} --> ${me}`);
    for (const topic of new Set(lookups)) lines.push(`  ${id('t', topic)} -. lookup .-> ${me}`);
    for (const output of outputTopicsOf(station)) lines.push(`  ${me} --> ${id('t', output)}`);
    if (station.kind === 'loader') lines.push(`  ${me} --> ${id('x', station.name)}[("${outside(station)}")]`);
  }
  return `${lines.join('\n')}\n`;
}

/** Extractors at the left edge, what follows a topic indented below it; a topic that was drawn before is only named. */
export function drawing(flow: Flow): string {
  const lines: string[] = [];
  const drawn = new Set<string>();
  const readersOf = (topic: string): StationSpec[] =>
    [...flow.stations.values()].filter((station) => inputsOf(station).includes(topic));
  function follow(topic: string, indent: string): void {
    const readers = readersOf(topic);
    if (drawn.has(topic)) {
      if (readers.length > 0) lines.push(`${indent}… as above`);
      return;
    }
    drawn.add(topic);
    for (const [at, station] of readers.entries()) {
      const last = at === readers.length - 1;
      const lookup = inputsOf(station)[0] !== topic;
      const outputs = outputTopicsOf(station);
      const goesTo = lookup ? ' (lookup)' : ` → ${outputs.length === 0 ? outside(station) : outputs.join(', ')}`;
      const below = `${indent}${last ? '   ' : '│  '}`;
      lines.push(`${indent}${last ? '└─' : '├─'} ${station.name} [${station.kind}]${goesTo}`);
      if (lookup) continue;
      for (const output of outputs) {
        // Of several topics, what follows stands below each one's name.
        if (outputs.length > 1) lines.push(`${below}${output}`);
        follow(output, outputs.length > 1 ? `${below}   ` : below);
      }
    }
  }
  for (const station of flow.stations.values()) {
    if (station.kind !== 'extractor') continue;
    lines.push(`${outside(station)} → ${station.name} [extractor] → ${station.to}`);
    follow(station.to, '   ');
  }
  for (const topic of flow.topics.values()) {
    if (drawn.has(topic.name) || topic.writers.length > 0) continue;
    lines.push(`${topic.name}${topic.external ? ' (external)' : ''}`);
    follow(topic.name, '   ');
  }
  return `${lines.join('\n')}\n`;
}

/** What stands at the end of the flow: the source or target by its type and the first thing that names it. */
function outside(station: StationSpec): string {
  const at = station.kind === 'extractor' ? station.source : station.kind === 'loader' ? station.target : undefined;
  if (at === undefined) return '';
  const name = at.config.path ?? at.config.table ?? at.config.url ?? '';
  return `${at.type}${name === '' ? '' : ` ${Array.isArray(name) ? name.join(', ') : String(name)}`}`.replaceAll(
    '"',
    "'",
  );
}
