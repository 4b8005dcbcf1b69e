/**
 * Writes what is generated from code and schemas: schemas/flow.schema.json, schemas/case.schema.json,
 * schemas/avsc.schema.json, docs/reference/flow-file.md and the types beside each .avsc. Tests hold them up to date.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { avscSchema, caseSchema, flowFileReference, flowSchema, generateTypes } from '@quadrille/flow';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

await writeFile(at('schemas/flow.schema.json'), `${JSON.stringify(flowSchema(), null, 2)}\n`);
await writeFile(at('schemas/case.schema.json'), `${JSON.stringify(caseSchema(), null, 2)}\n`);
await writeFile(at('schemas/avsc.schema.json'), `${JSON.stringify(avscSchema(), null, 2)}\n`);
await writeFile(at('docs/reference/flow-file.md'), flowFileReference());
for (const { file, text, isCurrent } of await generateTypes(at('schemas'))) if (!isCurrent) await writeFile(file, text);
