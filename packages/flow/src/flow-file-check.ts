/** What the JSON Schema cannot see: missing files, fields that no schema has; and what flow-file-graph.ts sees. */
import { access } from 'node:fs/promises';
import { relative } from 'node:path';
import { Fault } from '@quadrille/record';
import type { Field } from './avro/field.ts';
import { readTopicSchema, type TopicSchema } from './avro/topic-schema.ts';
import {
  type EnricherSpec,
  type ExtractorSpec,
  type Flow,
  inputsOf,
  type LoaderSpec,
  type LookupSpec,
  outputTopicsOf,
  type StationSpec,
  type TransformerSpec,
} from './flow.ts';
import type { FlowDocument, Path } from './flow-file-document.ts';
import { checkCircles, checkTopics, type Say, topicPath } from './flow-file-graph.ts';
import { helpFor, type Problem } from './flow-file-problem.ts';
import { templateFields } from './id-template.ts';
import { chainFields } from './rules/fields.ts';
import { sourceTypes } from './sources/index.ts';
import { entryProblems } from './stateful/check.ts';
import { targetTypes } from './targets/index.ts';

const RESERVED = /^(dlq|replay|positions|state|quadrille)\./;
const ORDERED = [
  'int',
  'long',
  'date',
  'timestamp-millis',
  'timestamp-micros',
  'local-timestamp-millis',
  'local-timestamp-micros',
];

/** Every problem of a flow whose stations are valid by the JSON Schema. Reads the schemas of its topics. */
export async function checkFlowFile(flow: Flow, document: FlowDocument): Promise<Problem[]> {
  const check = new Check(flow, document);
  await check.schemas();
  await check.outside();
  checkTopics(flow, document, check.say);
  for (const station of flow.stations.values()) await check.station(station);
  checkCircles(flow, check.say);
  return check.problems;
}

/** Kinds of fields that are no single value. */
const NESTED = new Set(['array', 'map', 'record', 'union']);

class Check {
  readonly problems: Problem[] = [];
  readonly #flow: Flow;
  readonly #document: FlowDocument;
  readonly #schemas = new Map<string, TopicSchema | Fault>();

  constructor(flow: Flow, document: FlowDocument) {
    this.#flow = flow;
    this.#document = document;
  }

  readonly say: Say = (...problem) => this.#say(...problem);

  #say(...[station, path, detail, help, more = {}]: Parameters<Say>): void {
    const place = this.#document.place(path, more.of ?? 'value');
    this.problems.push({
      station,
      graph: more.graph ?? false,
      fault: new Fault(more.code ?? 'FLOW_INVALID', detail, { place, ...(help !== undefined && { help }) }),
    });
  }

  async outside(): Promise<void> {
    const { outside } = this.#flow;
    if (outside !== undefined)
      await access(outside).catch(() => this.#say(undefined, ['outside'], 'there is no such file'));
  }

  async schemas(): Promise<void> {
    for (const topic of this.#flow.topics.keys()) {
      const schema = await readTopicSchema(this.#flow.schemas, topic).catch((error: unknown) => {
        if (error instanceof Fault) return error;
        throw error;
      });
      this.#schemas.set(topic, schema);
    }
  }

  async station(station: StationSpec): Promise<void> {
    const path = ['stations', station.name];
    for (const topic of new Set([...inputsOf(station), ...outputTopicsOf(station)])) {
      const at = topicPath(this.#flow, station.name, topic);
      const schema = this.#schemas.get(topic);
      if (schema instanceof Fault)
        this.problems.push({ station: station.name, graph: false, fault: placed(schema, this.#document.place(at)) });
      if (RESERVED.test(topic))
        this.#say(station.name, at, `topic \`${topic}\` has a name that Quadrille keeps for itself`, 'choose another');
    }
    if (station.stopTheLine !== undefined && station.stopTheLine.rejects > station.stopTheLine.of) {
      this.#say(station.name, [...path, 'stopTheLine'], 'stops after more rejects than it looks back');
    }
    if (station.kind === 'extractor') this.#extractor(station, path);
    if (station.kind === 'transformer') await this.#transformer(station, [...path, 'transformer']);
    if (station.kind === 'enricher') await this.#enricher(station, path);
    if (station.kind === 'loader') this.#loader(station, path);
  }

  async #transformer(station: TransformerSpec, path: Path): Promise<void> {
    await this.#files(station.name, path, station.rules);
    const input = this.#fields(station.from);
    const output = this.#fields(station.to[0]);
    if (input === undefined || output === undefined) return;
    for (const problem of entryProblems(this.#document.at(path), station, input, output))
      this.#say(station.name, [...path, ...problem.path], problem.what, problem.help);
  }

  #loader({ name, target, from }: LoaderSpec, path: Path): void {
    const fields = this.#fields(from);
    const problems = (fields && targetTypes[target.type]?.check?.(target.config, fields)) ?? [];
    for (const problem of problems) this.#say(name, [...path, 'loader', ...problem.path], problem.what, problem.help);
  }

  #extractor(station: ExtractorSpec, path: Path): void {
    const fields = this.#fields(station.to);
    if (fields === undefined) return;
    for (const key of ['id', 'key'] as const) {
      for (const field of templateFields(station[key] ?? ''))
        this.#needField(station.name, [...path, 'extractor', key], fields, field, station.to);
    }
    const { type, config } = station.source;
    for (const problem of sourceTypes[type]?.check?.(config, station) ?? [])
      this.#say(station.name, [...path, 'extractor', ...problem.path], problem.what, problem.help);
    if (station.version === undefined) {
      const traits = sourceTypes[type]?.traits;
      if (traits?.rewindable === false && traits.brings?.includes('version') !== true)
        this.#say(
          station.name,
          [...path, 'extractor'],
          `items of ${type} may come twice and in any order, and nothing tells the newer of two`,
          'name a field under `version` that tells it',
        );
      return;
    }
    const version = this.#needField(
      station.name,
      [...path, 'extractor', 'version'],
      fields,
      station.version,
      station.to,
    );
    if (version !== undefined && !ORDERED.includes(version.kind)) {
      this.#say(
        station.name,
        [...path, 'extractor', 'version'],
        `\`${version.name}\` is ${version.kind}, which does not tell newer from older`,
        'take a whole number, a date or a timestamp',
      );
    }
  }

  async #enricher(station: EnricherSpec, path: Path): Promise<void> {
    if (station.sql !== undefined) await this.#files(station.name, [...path, 'enricher', 'sql'], [station.sql]);
    await this.#files(station.name, [...path, 'rules'], station.rules);
    for (const lookup of station.lookups) this.#lookup(station, lookup, [...path, 'enricher', lookup.name]);
  }

  #lookup(station: EnricherSpec, lookup: LookupSpec, path: Path): void {
    const { topic: name = '' } = lookup;
    const topic = this.#flow.topics.get(name);
    if (topic?.compacted === false && !topic.external) {
      this.#say(
        station.name,
        [...path, 'topic'],
        `lookup topic \`${name}\` is not compacted`,
        `add \`${name}: { compacted: true }\` under \`topics\``,
        { graph: true },
      );
    }
    if (lookup.topic === undefined) this.#asked(station, lookup, path);
    const found = lookup.topic === undefined ? undefined : this.#fields(lookup.topic);
    const record = this.#fields(station.from);
    const output = station.sql === undefined && station.rules.length === 0 ? this.#fields(station.to[0]) : undefined;
    for (const [theirs, ours] of Object.entries(lookup.on)) {
      const a = found && this.#needField(station.name, [...path, 'on', theirs], found, theirs, name, 'key');
      const b = record && this.#needField(station.name, [...path, 'on', theirs], record, ours, station.from);
      if (a && b && likeness(a) !== likeness(b))
        this.#say(
          station.name,
          [...path, 'on', theirs],
          `\`${theirs}\` is ${a.kind} and \`${ours}\` is ${b.kind}: never equal`,
          'join fields of one type',
        );
    }
    for (const [theirs, ours] of Object.entries(lookup.take)) {
      if (found) this.#needField(station.name, [...path, 'take', theirs], found, theirs, name, 'key');
      const target = output && this.#needField(station.name, [...path, 'take', theirs], output, ours, station.to[0]);
      if (target && lookup.missing === 'null' && !target.nullable) {
        this.#say(
          station.name,
          [...path, 'take', theirs],
          `\`${ours}\` of ${station.to[0]} may not be null, as it is when nothing is found`,
          'allow null in the schema, or reject',
        );
      }
    }
  }

  /** What is asked comes as text: it must have a field to say what it is. */
  #asked(station: EnricherSpec, { name, take }: LookupSpec, path: Path): void {
    const [record, ...outputs] = [station.from, ...station.to].map((topic) => this.#fields(topic));
    if (record === undefined || !outputs.every((fields) => fields !== undefined)) return;
    const fields = chainFields(record, ...outputs);
    for (const [theirs, ours] of Object.entries(take)) {
      const field = fields.find((candidate) => candidate.name === ours);
      const names = fields.map((candidate) => candidate.name);
      if (field === undefined)
        this.#say(
          station.name,
          [...path, 'take', theirs],
          `neither ${station.from} nor ${station.to.join(', ')} has a field \`${ours}\``,
          helpFor(ours, names),
        );
      else if (NESTED.has(field.kind))
        this.#say(
          station.name,
          [...path, 'take', theirs],
          `\`${ours}\` is of kind ${field.kind}, which lookup \`${name}\` cannot give`,
          'take single values',
        );
    }
  }

  async #files(station: string, path: Path, files: readonly string[]): Promise<void> {
    for (const [i, file] of files.entries()) {
      const exists = await access(file).then(
        () => true,
        () => false,
      );
      if (!exists)
        this.#say(
          station,
          files.length > 1 ? [...path, i] : path,
          `no file ${relative(this.#flow.folder, file)}`,
          'paths are relative to the flow file',
        );
    }
  }

  #fields(topic: string): readonly Field[] | undefined {
    const schema = this.#schemas.get(topic);
    return schema === undefined || schema instanceof Fault ? undefined : schema.fields;
  }

  #needField(
    station: string,
    path: Path,
    fields: readonly Field[],
    name: string,
    topic: string,
    of: 'key' | 'value' = 'value',
  ): Field | undefined {
    const field = fields.find((candidate) => candidate.name === name);
    if (field === undefined)
      this.#say(
        station,
        path,
        `${topic} has no field \`${name}\``,
        helpFor(
          name,
          fields.map((candidate) => candidate.name),
        ),
        { of },
      );
    return field;
  }
}

/** The same fault, with the place where the flow file leads to it where the fault's own file does not exist. */
const placed = (fault: Fault, place: string): Fault =>
  fault.message.includes('has no schema')
    ? new Fault('FLOW_INVALID', fault.message.replace(/^[^:]*: /, ''), { place, help: fault.help })
    : fault;

/** What is compared with what in a join. */
function likeness(field: Field): string {
  if (['int', 'long', 'float', 'double'].includes(field.kind)) return field.bigint ? 'bigint' : 'number';
  return ['string', 'enum', 'uuid'].includes(field.kind) ? 'text' : field.kind;
}
