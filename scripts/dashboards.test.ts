import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dashboards } from './dashboards.ts';

test('the dashboards are as they are written down', () => {
  for (const [path, text] of Object.entries(dashboards()))
    assert.equal(
      readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'),
      text,
      `${path}: run node scripts/dashboards.ts`,
    );
});
