/** What is wrong with a flow file, and whom it stops; and how the JSON Schema's findings are told to a person. */
import { Fault } from '@quadrille/record';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { closest } from './closest.ts';
import type { FlowDocument, Path } from './flow-file-document.ts';
import { flowSchema } from './flow-file-schema.ts';

/** A problem of one station stops that station alone; of no station, all; of the map (`graph`), no running station. */
export interface Problem {
  fault: Fault;
  station: string | undefined;
  graph: boolean;
  /** The topic whose settings are wrong: stops the stations that use it. */
  topic?: string;
}

/** The help for a key or name nobody knows. */
export function helpFor(word: string, known: Iterable<string>): string | undefined {
  const list = [...known];
  const near = closest(word, list);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return list.length === 0 ? undefined : `one of: ${list.join(', ')}`;
}

let validate: ValidateFunction | undefined;

/** Every violation of the flow file's JSON Schema, at the very key or value. */
export function schemaProblems(document: FlowDocument): Problem[] {
  validate ??= new Ajv2020({ allErrors: true, verbose: true, strict: false }).compile(flowSchema());
  if (validate(document.json)) return [];
  const errors = validate.errors ?? [];
  const choices = errors
    .filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')
    .map((error) => `${error.schemaPath}/`);
  return errors
    .filter((error) => error.keyword !== 'if' && error.propertyName === undefined)
    .filter((error) => !choices.some((choice) => error.schemaPath.startsWith(choice)))
    .map((error) => problemOf(error, document));
}

function problemOf(error: ErrorObject, document: FlowDocument): Problem {
  const path: Path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const station = path[0] === 'stations' && path.length > 1 ? String(path[1]) : undefined;
  const topic = path[0] === 'topics' && path.length > 1 ? String(path[1]) : undefined;
  const say = (detail: string, help: string | undefined, at: Path, of: 'key' | 'value'): Problem => ({
    ...(topic !== undefined && { topic }),
    fault: new Fault('FLOW_INVALID', detail, { place: document.place(at, of), ...(help !== undefined && { help }) }),
    station,
    graph: false,
  });
  const name = path.length === 0 ? 'the file' : `\`${path.at(-1)}\``;
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = params.additionalProperty as string;
      const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
      return say(`unknown key \`${key}\``, helpFor(key, known), [...path, key], 'key');
    }
    case 'required':
      return say(
        `${name} needs \`${params.missingProperty}\``,
        describe(error.parentSchema?.properties?.[params.missingProperty]),
        path,
        'key',
      );
    case 'propertyNames': {
      const key = params.propertyName as string;
      return {
        ...say(
          `\`${key}\` is not a usable name`,
          'names are lower case letters, digits and hyphens, starting with a letter; topics may have dots, lookups underscores',
          [...path, key],
          'key',
        ),
        station: path[0] === 'stations' ? (station ?? key) : undefined,
      };
    }
    case 'enum': {
      const known = (params.allowedValues as unknown[]).filter((value) => value !== null).map(String);
      return say(`${name} is ${shown(error.data)}`, helpFor(String(error.data), known), path, 'value');
    }
    case 'type':
      return say(
        `${name} is ${shown(error.data)}, not ${/^[aio]/.test(params.type) ? 'an' : 'a'} ${params.type}`,
        describe(error.parentSchema),
        path,
        'value',
      );
    case 'anyOf':
    case 'oneOf':
      if (path.length === 2 && station !== undefined) {
        return say(
          `${name} is no station: it has no work`,
          'give it one of: extractor, transformer, enricher, loader',
          path,
          'key',
        );
      }
      return say(`${name} has none of the forms it may have`, describe(error.parentSchema), path, 'value');
    default:
      return say(`${name} ${error.message}`, describe(error.parentSchema), path, 'value');
  }
}

const describe = (schema: unknown): string | undefined => (schema as { description?: string } | undefined)?.description;

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}
