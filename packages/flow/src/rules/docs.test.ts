/** The examples in the how-to guides are rules that hold. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readTopicSchema } from '../avro/topic-schema.ts';
import { runExamples } from './index.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const fieldsOf = async (topic: string) => (await readTopicSchema(join(ROOT, 'schemas'), topic)).fields;

const blocks = async (file: string): Promise<{ language: string; code: string }[]> =>
  [...(await readFile(join(ROOT, 'docs/how-to', file), 'utf8')).matchAll(/```(ts|sql)\n([\s\S]*?)```/g)].map(
    ([, language, code]) => ({ language: language as string, code: code as string }),
  );

async function outcomesOf(file: string, input: string, output: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-'));
  const airports = { name: 'airport', fields: await fieldsOf('airports.reported'), changes: 0, rows: () => [] };
  let count = 0;
  for (const [at, { language, code }] of (await blocks(file)).entries()) {
    const name = `rule-${at}.${language}`;
    const source = (module: string): string => JSON.stringify(new URL(module, import.meta.url).href);
    await writeFile(
      join(folder, name),
      code
        .replace("'@quadrille/flow'", source('../rule.ts'))
        .replace("'@quadrille/record'", source('../../../record/src/index.ts')),
    );
    for (const { example, fault } of await runExamples(name, {
      folder,
      input: await fieldsOf(input),
      output: await fieldsOf(output),
      tables: [airports],
      topics: new Map([
        [output, await fieldsOf(output)],
        ['flights.cancelled', await fieldsOf(input)],
      ]),
    })) {
      assert.equal(fault, undefined, `${file} ${example}: ${fault?.message}`);
      count++;
    }
  }
  await rm(folder, { recursive: true });
  return count;
}

test('write-a-rule.md', async () =>
  assert.equal(await outcomesOf('write-a-rule.md', 'flights.reported', 'flights.qualified'), 6));
test('route-records.md', async () =>
  assert.equal(await outcomesOf('route-records.md', 'flights.reported', 'flights.qualified'), 4));
test('add-a-lookup.md', async () =>
  assert.equal(await outcomesOf('add-a-lookup.md', 'flights.qualified', 'flights.enriched'), 2));
test('correct-and-replay.md', async () =>
  assert.equal(await outcomesOf('correct-and-replay.md', 'flights.qualified', 'flights.qualified'), 2));
