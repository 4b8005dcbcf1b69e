/** What monitors ask, from this machine without a token: health, metrics, the OpenAPI document. */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import Type from 'typebox';
import { ErrorBody } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { bodyOf } from '../status.ts';

const open = (summary: string, answer: object) => ({
  config: { open: true },
  schema: {
    summary,
    description: 'No token is needed from this machine.',
    response: { 200: answer, default: ErrorBody },
  },
});

export function addOpenRoutes(server: FastifyInstance, backend: Backend, metrics: Registry): void {
  // That this is answered is what it says.
  server.get('/live', open('200 while the process comes round', Type.Object({})), async () => ({}));
  server.get('/ready', open('200 while requests can be answered', Type.Object({})), async (_, reply) => {
    const fault = await backend.unready();
    return fault === undefined ? {} : reply.code(503).send(bodyOf([fault]));
  });
  server.get('/metrics', open('Prometheus text', Type.String()), async (_, reply) =>
    reply
      .type(metrics.contentType)
      .serializer(String)
      .send(await metrics.metrics()),
  );
  server.get('/openapi.json', open('This document', Type.Object({})), async () => server.swagger());
}
