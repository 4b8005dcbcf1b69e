import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from './health.ts';
import { type StationStatus, serve } from './http.ts';

const status = (): StationStatus => {
  throw new Error('not asked for');
};

test('an address that is not this machine’s is a fault of the configuration, not a defect', async () => {
  // TEST-NET-3 (RFC 5737): nobody's.
  await assert.rejects(serve({ host: '203.0.113.1', port: 0 }, new Health(), undefined, status), {
    code: 'CONFIG_INVALID',
    place: 'QUADRILLE_HTTP',
  });
});
