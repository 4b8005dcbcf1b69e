/** Every problem of a schema file at once, each with its line. */
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { Fault, type FaultCode } from '@quadrille/record';
import { type FlowDocument, parseFlow } from '../flow-file-document.ts';
import { omissionsOf } from './governance.ts';
import { type JsonPath, problemsOf } from './schema-problem.ts';
import { parseTopicSchema, schemaFile, type TopicSchema } from './topic-schema.ts';

export interface CheckedSchema {
  topic: string;
  /** The .avsc file, absolute. */
  file: string;
  /** undefined where it cannot be used. */
  schema: TopicSchema | undefined;
  /** SCHEMA_INVALID, SCHEMA_UNGOVERNED; in the order of the file. */
  faults: Fault[];
}

/** Reads and checks the schema of a topic; of a file that is not there the only fault says so. */
export async function checkTopicSchema(folder: string, topic: string): Promise<CheckedSchema> {
  const file = schemaFile(folder, topic);
  const place = relative('', file);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    const fault = new Fault('SCHEMA_INVALID', `topic ${topic} has no schema`, { place, help: `write ${place}` });
    return { topic, file, schema: undefined, faults: [fault] };
  }
  return checkSchemaText(text, topic, file);
}

export function checkSchemaText(text: string, topic: string, file: string): CheckedSchema {
  const place = relative('', file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { topic, file, schema: undefined, faults: [thrownBy(() => parseTopicSchema(text, topic, file))] };
  }
  // JSON is YAML: the reader of flow files knows where everything stands.
  const document = parseFlow(text, place);
  const say = (code: FaultCode, path: JsonPath, what: string, help: string | undefined): Fault =>
    new Fault(code, what, { place: placeIn(document, path), ...(help !== undefined && { help }) });
  const problems = problemsOf(json);
  if (problems.length > 0) {
    const faults = problems.map(({ path, what, help }) => say('SCHEMA_INVALID', path, what, help));
    return { topic, file, schema: undefined, faults };
  }
  const faults = omissionsOf(json).map(({ path, what, help }) => say('SCHEMA_UNGOVERNED', path, what, help));
  return { topic, file, schema: parseTopicSchema(text, topic, file), faults };
}

/** Where a part stands; of one that is absent, where it should. */
const placeIn = (document: FlowDocument, path: JsonPath): string => document.place(path, 'key');

function thrownBy(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('expected a fault');
}
