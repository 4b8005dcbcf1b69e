/** The files of a flow that its processes read: what goes into a ConfigMap, by path below the flow's folder. */
import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative, resolve } from 'node:path';
import { type Flow, inputsOf, outputTopicsOf, type StationSpec } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { parse, stringify } from 'yaml';
import { filePatternsOf } from './outside.ts';

/** Text by path, in the order of paths. */
export type FlowFiles = ReadonlyMap<string, string>;

/** What the API server takes; its documentation says 1 MiB of data. */
const LIMIT_BYTES = 1_048_576;

/**
 * What one station reads: a flow file with its own entry alone, its rules and what they import, the schemas of its
 * topics. So another station's change leaves it running (invariant 7).
 * @throws Fault K8S_UNFIT
 */
export async function filesOfStation(flow: Flow, station: StationSpec): Promise<FlowFiles> {
  const topics = [...new Set([...inputsOf(station), ...outputTopicsOf(station)])];
  const document = parse(await readFile(flow.file, 'utf8'), { maxAliasCount: 100 }) as FlowDocument;
  const reduced: FlowDocument = {
    flow: document.flow,
    topics: pick(document.topics ?? {}, topics),
    stations: pick(document.stations, [station.name]),
  };
  if (Object.keys(reduced.topics!).length === 0) delete reduced.topics;
  return sized(flow, station.place, [
    ['flow.yaml', stringify(reduced, { lineWidth: 120 })],
    ...(await filesOf(flow, rulesOf(station))),
    ...(await schemasOf(flow, topics)),
  ]);
}

/** What the replay service and the provisioning read: the whole flow. @throws Fault K8S_UNFIT */
export async function filesOfFlow(flow: Flow): Promise<FlowFiles> {
  return sized(flow, relative('', flow.file), [
    ['flow.yaml', await readFile(flow.file, 'utf8')],
    ...(await filesOf(flow, [...flow.stations.values()].flatMap(rulesOf))),
    ...(await schemasOf(flow, [...flow.topics.keys()])),
  ]);
}

/**
 * Folders of the flow that its sources read, relative to it.
 * @throws Fault K8S_UNFIT
 */
export function dataFoldersOf(station: StationSpec): string[] {
  const folders = filePatternsOf(station).map((path) => normalize(dirname(`${path.split(/[*?{[]/, 1)[0]}x`)));
  for (const folder of folders) {
    if (folder === '.' || folder.startsWith('..') || isAbsolute(folder))
      throw new Fault('K8S_UNFIT', 'its files stand in no folder of their own below the flow', {
        place: station.place,
        help: 'put them in a folder like `data` beside the flow file, or render with --flow-in-image',
      });
  }
  return [...new Set(folders)];
}

interface FlowDocument {
  flow: string;
  topics?: Record<string, unknown>;
  stations: Record<string, unknown>;
}

const pick = (from: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

function rulesOf(station: StationSpec): string[] {
  if (station.kind === 'transformer') return [...station.rules];
  if (station.kind === 'enricher') return [...station.rules, ...(station.sql === undefined ? [] : [station.sql])];
  return [];
}

const schemasOf = (flow: Flow, topics: readonly string[]): Promise<[string, string][]> =>
  Promise.all(
    topics.map(async (topic): Promise<[string, string]> => {
      const name = `${topic}.avsc`;
      return [`schemas/${name}`, await readFile(join(flow.schemas, name), 'utf8')];
    }),
  );

/** Files, and those of the flow that they import, through all steps. Imports of types alone are gone when it runs. */
async function filesOf(flow: Flow, roots: readonly string[]): Promise<[string, string][]> {
  const found = new Map<string, string>();
  const open = [...roots];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const path = relative(await realpath(flow.folder), await realpath(file));
    if (found.has(path)) continue;
    if (path.startsWith('..'))
      throw new Fault('K8S_UNFIT', 'it is imported by a rule and stands outside of the folder of the flow', {
        place: relative('', file),
        help: 'move it into the folder of the flow, or render with --flow-in-image',
      });
    const text = await readFile(file, 'utf8');
    found.set(path, text);
    if (!file.endsWith('.sql')) open.push(...importsOf(text).map((name) => resolve(dirname(file), name)));
  }
  return [...found];
}

/** Relative imports that are there at run time. */
function importsOf(text: string): string[] {
  const statement = /^[ \t]*(?:import|export)\s(?!type\s)(?:[^'"`;]*?\sfrom\s*)?(['"])(\.[^'"\n]+)\1/gm;
  const call = /\bimport\(\s*(['"])(\.[^'"\n]+)\1/g;
  return [...text.matchAll(statement), ...text.matchAll(call)].map(([, , name]) => name!);
}

function sized(flow: Flow, place: string, files: [string, string][]): FlowFiles {
  const bytes = files.reduce((sum, [path, text]) => sum + path.length + Buffer.byteLength(text), 0);
  if (bytes > LIMIT_BYTES)
    throw new Fault('K8S_UNFIT', `its files have ${bytes} bytes, a ConfigMap takes ${LIMIT_BYTES}`, {
      place,
      help: `render with --flow-in-image, and build images that hold flows/${flow.name}`,
    });
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}
