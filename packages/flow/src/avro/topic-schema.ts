/** Reads schemas/<topic>.avsc into what stations work with. */
import { access, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Fault } from '@quadrille/record';
import type avsc from 'avsc';
import { parseFlow } from '../flow-file-document.ts';
import { type Field, fieldsOf } from './field.ts';
import { problemsOf } from './schema-problem.ts';
import { typeOf } from './type.ts';

export interface TopicSchema {
  topic: string;
  /** The .avsc file, absolute. */
  file: string;
  /** The schema as JSON on one line: what is registered under `<topic>-value`. */
  text: string;
  /** Who answers for the topic: the schema's `owner`. */
  owner: string | undefined;
  doc: string;
  type: avsc.Type;
  fields: readonly Field[];
}

/** Where the schema of a topic stands. */
export const schemaFile = (folder: string, topic: string): string => join(folder, `${topic}.avsc`);

/** The nearest folder `schemas` at or above a folder. @throws Fault SCHEMA_INVALID when there is none. */
export async function findSchemas(from: string): Promise<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'schemas');
    if (
      await access(candidate).then(
        () => true,
        () => false,
      )
    )
      return candidate;
    if (dirname(folder) === folder) {
      throw new Fault('SCHEMA_INVALID', 'no folder `schemas` here or above', {
        place: from,
        help: 'make a folder `schemas` beside the flow, with a <topic>.avsc for every topic',
      });
    }
  }
}

/** Reads the schema of a topic. @throws Fault SCHEMA_INVALID with file, and line where JSON tells one. */
export async function readTopicSchema(folder: string, topic: string): Promise<TopicSchema> {
  const file = schemaFile(folder, topic);
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Fault('SCHEMA_INVALID', `topic ${topic} has no schema`, {
      place: relative('', file),
      help: `write ${relative('', file)}`,
      cause: error,
    });
  });
  return parseTopicSchema(text, topic, file);
}

/** @throws Fault SCHEMA_INVALID */
export function parseTopicSchema(text: string, topic: string, file: string): TopicSchema {
  const place = relative('', file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const at = /line (\d+) column (\d+)/.exec((error as Error).message);
    throw new Fault('SCHEMA_INVALID', (error as Error).message, {
      place: at ? `${place}:${at[1]}:${at[2]}` : place,
      cause: error,
    });
  }
  try {
    const type = typeOf(json);
    if (type.typeName !== 'record') throw new Error(`the schema of a topic is a record, not ${type.typeName}`);
    const { owner, doc } = json as { owner?: string; doc?: string };
    return { topic, file, text: JSON.stringify(json), owner, doc: doc ?? '', type, fields: fieldsOf(json) };
  } catch (error) {
    const [first] = problemsOf(json);
    if (first === undefined) throw new Fault('SCHEMA_INVALID', (error as Error).message, { place, cause: error });
    const { path, what, help } = first;
    const at = parseFlow(text, place).place(path, 'key');
    throw new Fault('SCHEMA_INVALID', what, { place: at, cause: error, ...(help !== undefined && { help }) });
  }
}
