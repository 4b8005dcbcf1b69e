/** What is wrong with a flow file, and whom it stops. */
import { Fault } from '@quadrille/record';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { FlowDocument } from './flow-file-document.ts';
import { flowSchema } from './flow-file-schema.ts';
import { type Violation, violations } from './json-schema-problem.ts';

export { helpFor } from './json-schema-problem.ts';

/** A problem of one station stops that station alone; of no station, all; of the map (`graph`), no running station. */
export interface Problem {
  fault: Fault;
  station: string | undefined;
  graph: boolean;
  /** The topic whose settings are wrong: stops the stations that use it. */
  topic?: string;
}

const NAMES =
  'names are lower case letters, digits and hyphens, starting with a letter; topics may have dots, lookups underscores';

let validate: ValidateFunction | undefined;

/** Every violation of the flow file's JSON Schema, at the very key or value. */
export function schemaProblems(document: FlowDocument): Problem[] {
  validate ??= new Ajv2020({ allErrors: true, verbose: true, strict: false }).compile(flowSchema());
  return violations(validate, document.json, NAMES).map((violation) => problemOf(violation, document));
}

function problemOf(violation: Violation, document: FlowDocument): Problem {
  const { path, keyword } = violation;
  const station = path[0] === 'stations' && path.length > 1 ? String(path[1]) : undefined;
  // Of a topic whose very name is not usable no station can be meant.
  const named = path[0] === 'topics' && path.length > 1 && !(keyword === 'propertyNames' && path.length === 2);
  const noWork = (keyword === 'anyOf' || keyword === 'oneOf') && path.length === 2 && station !== undefined;
  const { what, help, of } = noWork
    ? {
        what: `\`${station}\` is no station: it has no work`,
        help: 'give it one of: extractor, transformer, enricher, loader',
        of: 'key' as const,
      }
    : violation;
  return {
    ...(named && { topic: String(path[1]) }),
    fault: new Fault('FLOW_INVALID', what, { place: document.place(path, of), ...(help !== undefined && { help }) }),
    station,
    graph: false,
  };
}
