import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from './inspect.ts';

const folder = mkdtempSync(join(tmpdir(), 'quadrille-inspect-'));
after(() => rmSync(folder, { recursive: true }));
cpSync(fileURLToPath(new URL('../../../testing/fixtures/tiny', import.meta.url)), folder, { recursive: true });
mkdirSync(join(folder, 'cases'));
writeFileSync(join(folder, 'cases/a.yaml'), 'cases: [{ name: x, given: { parcels: [] }, expect: { depot: {} } }]\n');

test('a mistake in the flow file is told as that, not once more for each case that names the station', async () => {
  const file = join(folder, 'flow.yaml');
  const text = readFileSync(file, 'utf8');
  const told = async (): Promise<string[]> =>
    (await inspect(folder)).faults.map(({ code, message }) => `${code} ${message}`);
  writeFileSync(file, text.replace('type: csv,', 'type: csv, pth: x,'));
  const [fault, ...others] = await told();
  assert.match(fault!, /^FLOW_INVALID .*unknown key `pth`/);
  assert.deepEqual(others, []);
  writeFileSync(file, text);
  for (const each of await told()) assert.match(each, /^CASE_INVALID/, 'once it is mended, the cases are looked at');
  assert.ok((await told()).length > 0);
});
