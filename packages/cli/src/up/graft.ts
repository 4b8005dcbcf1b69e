/** Watches the flow file of a running flow: starts what was added to it, ends what was taken out. */
import { unwatchFile, watchFile } from 'node:fs';
import { type Flow, readFlow, type StationSpec } from '@quadrille/flow';

export interface Grafting {
  flow: Flow;
  /** Makes topics and schemas ready, then starts it. @throws what `formatError` shows */
  add(flow: Flow, added: StationSpec[]): Promise<void>;
  /** Ends their processes in order. */
  end(flow: Flow, gone: string[]): Promise<void>;
  say(line: string): void;
  format(error: unknown): string;
}

const LOOK_MS = 500;

/**
 * New stations are started, those taken out ended, the others left alone: what was changed is only said. A file that is
 * not valid changes nothing. @returns ends the watching.
 */
export function watchFlow({ flow, add, end, say, format }: Grafting): () => void {
  let known = flow;
  let turn: Promise<void> = Promise.resolve();
  // Polled, since editors replace files, which other ways of watching lose.
  watchFile(flow.file, { interval: LOOK_MS }, (now, before) => {
    if (now.mtimeMs === before.mtimeMs && now.size === before.size) return;
    turn = turn.then(look);
  });
  async function look(): Promise<void> {
    try {
      const next = await readFlow(flow.file);
      const { added, changed, gone } = differences(known, next);
      for (const name of changed)
        say(`${name} was changed in the flow file; it goes on as it was until \`quadrille up\` is started again`);
      if (gone.length > 0) await end(next, gone);
      if (added.length > 0) await add(next, added);
      known = next;
    } catch (error) {
      say(`the flow file was changed, but cannot be used; everything goes on as it was\n${format(error)}`);
    }
  }
  return () => unwatchFile(flow.file);
}

/** Stations by what became of them; where an entry stands in the file does not matter. */
export function differences(before: Flow, after: Flow): { added: StationSpec[]; changed: string[]; gone: string[] } {
  const essence = ({ line: _, place: __, ...spec }: StationSpec): string =>
    JSON.stringify(spec, (key, value) => (key === 'place' ? undefined : value));
  const added = [...after.stations.values()].filter(({ name }) => !before.stations.has(name));
  const changed = [...after.stations.values()].filter((spec) => {
    const old = before.stations.get(spec.name);
    return old !== undefined && essence(old) !== essence(spec);
  });
  const gone = [...before.stations.keys()].filter((name) => !after.stations.has(name));
  return { added, changed: changed.map(({ name }) => name), gone };
}
