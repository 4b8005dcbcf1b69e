import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Flow, readFlow } from '@quadrille/flow';
import { readSensitivity } from './sensitivity.ts';

const folder = mkdtempSync(join(tmpdir(), 'quadrille-sensitivity-'));
after(() => rmSync(folder, { recursive: true }));

/** @param id template of the extractor */
async function flow(name: string, id: string): Promise<Flow> {
  const home = join(folder, name);
  mkdirSync(join(home, 'schemas'), { recursive: true });
  const fields = [
    { name: 'email', type: 'string', sensitivity: 'personal' },
    { name: 'number', type: 'int' },
  ];
  const schema = (fields: object[]) => JSON.stringify({ type: 'record', name: 'R', fields });
  writeFileSync(join(home, 'schemas', `${name}.in.avsc`), schema(fields));
  writeFileSync(join(home, 'schemas', `${name}.out.avsc`), schema(fields.slice(1)));
  writeFileSync(join(home, 'in.csv'), 'email,number\n');
  writeFileSync(join(home, 'rule.ts'), 'export default (record: object) => record;\n');
  writeFileSync(
    join(home, 'flow.yaml'),
    `flow: ${name}
stations:
  read: { extractor: { type: csv, path: in.csv, id: "${id}" }, to: ${name}.in }
  judge: { transformer: rule.ts, from: ${name}.in, to: ${name}.out }
`,
  );
  return readFlow(home);
}

test('fields by the mark in the schema; ids and keys where a sensitive field goes into them, all the way down', async () => {
  const sensitivity = await readSensitivity([await flow('mail', '{email}/{number}'), await flow('plain', '{number}')]);
  const mail = sensitivity.of('mail.in');
  assert.deepEqual([mail.hides('email'), mail.hides('number'), mail.hides('E-Mail')], [true, false, true]);
  assert.deepEqual([mail.some, mail.ids, mail.keys], [true, true, true]);
  assert.deepEqual(sensitivity.of('dlq.mail.in'), mail);
  const out = sensitivity.of('mail.out');
  assert.deepEqual([out.some, out.ids, out.hides('other')], [false, true, false]);
  assert.deepEqual([sensitivity.of('plain.in').some, sensitivity.of('plain.in').ids], [true, false]);
  assert.equal(sensitivity.any, true);
  assert.deepEqual(['mail', 'plain', 'unknown'].map(sensitivity.ids), [true, false, false]);
});

test('of a topic that no flow knows nothing is shown', async () => {
  const { of, any } = await readSensitivity([]);
  assert.deepEqual([of('x').some, of('x').ids, of('x').hides('y'), any], [true, true, true, false]);
});
