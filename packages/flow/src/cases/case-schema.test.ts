import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { caseSchema } from './case-schema.ts';

test('schemas/case.schema.json is up to date: else run `node scripts/schemas.ts`', () => {
  const published = readFileSync(new URL('../../../../schemas/case.schema.json', import.meta.url), 'utf8');
  assert.equal(published, `${JSON.stringify(caseSchema(), null, 2)}\n`);
});
