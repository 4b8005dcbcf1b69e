/** Reads flow files. Every problem at once for people; only its own for a running station. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { Fault, Faults } from '@quadrille/record';
import { findSchemas } from './avro/topic-schema.ts';
import { type Flow, inputsOf, outputTopicsOf, type StationSpec } from './flow.ts';
import { buildStation, buildTopics } from './flow-file-build.ts';
import { checkFlowFile } from './flow-file-check.ts';
import { type FlowDocument, parseFlow } from './flow-file-document.ts';
import { helpFor, type Problem, schemaProblems } from './flow-file-problem.ts';

/**
 * A flow, with every problem of its file, of the schemas of its topics, and of what it names. Rules are not loaded:
 * `loadRules` does that, and `quadrille check` calls both.
 * @param path the flow file, or the folder it stands in.
 * @throws Faults: FLOW_NOT_FOUND, FLOW_SYNTAX, FLOW_INVALID, SCHEMA_INVALID, in the order of their places.
 */
export async function readFlow(path: string): Promise<Flow> {
  const { flow, problems } = await read(path);
  if (problems.length > 0) throw faultsOf(problems);
  return flow;
}

/**
 * As much of a flow as can be read, and every problem told by `readFlow`: for `quadrille check`, which goes on to what
 * the flow names. `flow` then holds the stations that are valid by the JSON Schema.
 * @throws Faults where there is no flow file, or no mapping in it.
 */
export async function inspectFlow(path: string): Promise<{ flow: Flow; faults: readonly Fault[] }> {
  const { flow, problems } = await read(path);
  return { flow, faults: problems.length === 0 ? [] : faultsOf(problems).faults };
}

/**
 * A flow for one running station: problems of other entries do not stop it, so that grafting a broken second loader
 * harms nobody (invariant 7). `flow` then holds the stations that are valid by the JSON Schema.
 * @throws Faults of the station's own entry, or NOT_FOUND.
 */
export async function readStation(path: string, name: string): Promise<{ flow: Flow; station: StationSpec }> {
  const { flow, problems, names } = await read(path, name);
  const station = flow.stations.get(name);
  const topics = station === undefined ? [] : [...inputsOf(station), ...outputTopicsOf(station)];
  const concerns = ({ station: whose, topic }: Problem): boolean =>
    (whose ?? name) === name && (topic === undefined || topics.includes(topic));
  const own = problems.filter((problem) => !problem.graph && concerns(problem));
  if (own.length > 0) throw faultsOf(own);
  if (station === undefined)
    throw new Faults([
      new Fault('NOT_FOUND', `station \`${name}\` in ${relative('', flow.file)}`, {
        help: helpFor(name, names) ?? 'see the flow file',
      }),
    ]);
  return { flow, station };
}

async function read(path: string, only?: string): Promise<{ flow: Flow; problems: Problem[]; names: string[] }> {
  const file = await findFlow(path);
  const folder = dirname(file);
  const document = parseFlow(await readFile(file, 'utf8'), relative('', file));
  const problems = syntaxProblems(document, only);
  if (document.json === undefined) {
    throw faultsOf(
      problems.length > 0
        ? problems
        : [
            {
              station: undefined,
              graph: false,
              fault: new Fault('FLOW_INVALID', 'it is no mapping', { place: relative('', file) }),
            },
          ],
    );
  }
  problems.push(...schemaProblems(document));
  const entries = mapping(document.json.stations);
  const broken = new Set(problems.map((problem) => problem.station));
  const stations = new Map<string, StationSpec>();
  for (const [name, entry] of Object.entries(entries)) {
    if (!broken.has(name)) stations.set(name, buildStation(name, entry as Record<string, unknown>, folder, document));
  }
  const schemas = await findSchemas(folder).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
    problems.push({ station: undefined, graph: false, fault: error });
    return join(folder, 'schemas');
  });
  const settings = mapping(document.json.topics) as Record<string, Record<string, unknown>>;
  const flow: Flow = {
    name: String(document.json.flow),
    folder,
    file,
    schemas,
    outside: typeof document.json.outside === 'string' ? resolve(folder, document.json.outside) : undefined,
    stations,
    topics: buildTopics(stations.values(), settings),
  };
  const found = await checkFlowFile(flow, document);
  // Where an entry is broken, its topics are not known: what follows from their absence is not told.
  problems.push(...(broken.size > 0 ? found.filter((problem) => !problem.graph) : found));
  return { flow, problems, names: Object.keys(entries) };
}

/** A syntax error stops a station only inside its own entry, or when its entry cannot be found. */
function syntaxProblems(document: FlowDocument, only: string | undefined): Problem[] {
  const span = only === undefined ? undefined : document.span(['stations', only]);
  return document.errors.map(({ fault, at }) => ({
    fault,
    station: undefined,
    graph: span !== undefined && (at < span.from || at > span.to),
  }));
}

async function findFlow(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  const file = resolve(found?.isDirectory() ? join(path, 'flow.yaml') : path);
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new Faults([new Fault('FLOW_NOT_FOUND', relative('', file) || path)]);
  return file;
}

const mapping = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** In the order of their places, each once. */
function faultsOf(problems: readonly Problem[]): Faults {
  const position = (fault: Fault): number => {
    const [, line, column] = /:(\d+):(\d+)$/.exec(fault.place ?? '') ?? [];
    return Number(line ?? 0) * 10_000 + Number(column ?? 0);
  };
  const unique = new Map(problems.map(({ fault }) => [`${fault.place} ${fault.message}`, fault]));
  return new Faults([...unique.values()].sort((a, b) => position(a) - position(b)));
}
