import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, createServer } from '@quadrille/replay';
import { createLog } from '@quadrille/station';
import { Validator } from '@seriousme/openapi-schema-validator';

interface Operation {
  summary?: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: { properties?: object } }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

async function documentOf(): Promise<{ openapi: string; paths: Record<string, Record<string, Operation>> }> {
  const server = await createServer({
    // Nobody calls it: the document is made of the table of routes.
    backend: {} as Backend,
    holder: () => undefined,
    sensitivity: () => ({ of: () => assert.fail(), any: true, ids: () => true }),
    metrics: {} as never,
    log: createLog({}, 'silent'),
  });
  try {
    return (await server.inject('/openapi.json')).json();
  } finally {
    await server.close();
  }
}

test('the OpenAPI document of the replay service is valid 3.1', async () => {
  const document = await documentOf();
  assert.equal(document.openapi, '3.1.0');
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, '3.1');
});

test('every route is in it, with a summary, what it takes, what it answers, and whether it needs a token', async () => {
  const { paths } = await documentOf();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
  assert.deepEqual(operations.map(({ name }) => name).sort(), [
    'GET /live',
    'GET /metrics',
    'GET /openapi.json',
    'GET /ready',
    'GET /v1/audit',
    'GET /v1/dead-letters',
    'GET /v1/dead-letters/{id}',
    'GET /v1/groups',
    'GET /v1/reconciliation',
    'GET /v1/replays',
    'GET /v1/replays/{id}',
    'GET /v1/replays/{id}/items',
    'GET /v1/status',
    'GET /v1/trace',
    'POST /v1/corrections',
    'POST /v1/discards',
    'POST /v1/replays',
    'POST /v1/replays/{id}/cancel',
    'POST /v1/restores',
  ]);
  for (const { name, operation } of operations) {
    assert.ok((operation.summary ?? '').length > 5, name);
    assert.ok(operation.responses['200'] !== undefined && operation.responses.default !== undefined, name);
    assert.equal(operation.security !== undefined, name.includes('/v1/'), name);
    if (name.startsWith('POST')) assert.ok(operation.requestBody?.content['application/json']?.schema, name);
    for (const [, parameter] of name.matchAll(/\{(\w+)\}/g))
      assert.ok(
        operation.parameters?.some((each) => each.name === parameter && each.in === 'path' && each.required),
        name,
      );
  }
  const list = paths['/v1/dead-letters']?.get?.parameters?.map((each) => each.name) ?? [];
  for (const filter of ['station', 'code', 'where', 'states', 'offsets', 'cursor', 'values'])
    assert.ok(list.includes(filter), filter);
});
