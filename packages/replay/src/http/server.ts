/**
 * The service's HTTP: who asks, how often, how much; requests held to their schemas; one form of error; an OpenAPI
 * document made of the same rows that make the routes.
 */
import { randomUUID } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import { Fault } from '@quadrille/record';
import { defectOf, type Log, VERSION } from '@quadrille/station';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { TSchema } from 'typebox';
import { ErrorBody } from '../api/index.ts';
import { isLoopback } from '../config.ts';
import type { Caller } from '../model.ts';
import { audited } from './audited.ts';
import type { Backend } from './backend.ts';
import type { AnyRoute } from './route.ts';
import { routesOf } from './routes/index.ts';
import { addOpenRoutes } from './routes/open.ts';
import type { Sensitivity } from './sensitivity.ts';
import { answerOf, bodyOf } from './status.ts';
import { typedQuery, validationFaults } from './validation.ts';

export interface ServerOptions {
  backend: Backend;
  /** Who holds a token. */
  holder(token: string): Caller | undefined;
  /** Of the flows as they are now. */
  sensitivity(): Sensitivity;
  metrics: Registry;
  log: Log;
  /** Requests a minute: of one token, and of one address without a valid one. */
  limits?: { token: number; anonymous: number };
}

const BODY_BYTES = 8 * 1024 * 1024;
const LIMITS = { token: 3_000, anonymous: 60 };
const WINDOW_MS = 60_000;
/** For a request to arrive whole; how long its answer takes is not bounded here. */
const REQUEST_MS = 60_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined: no valid token. */
    caller: Caller | undefined;
  }
  interface FastifyContextConfig {
    /** Needs no token from this machine. */
    open?: boolean;
  }
}

/** Ready to listen. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { log, backend, sensitivity, metrics, limits = LIMITS } = options;
  const server = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    exposeHeadRoutes: false,
    requestTimeout: REQUEST_MS,
    genReqId: () => randomUUID().slice(0, 8),
    // Requests are taken as they are: nothing is coerced, defaulted or dropped, and all problems are told.
    ajv: { customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false, useDefaults: false } },
    forceCloseConnections: 'idle',
  });
  server.removeContentTypeParser('text/plain');
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply, log));
  server.decorateRequest('caller', undefined);
  server.addHook('onRequest', async (request) => {
    request.caller = callerOf(request, options);
  });
  await server.register(rateLimit, {
    timeWindow: WINDOW_MS,
    keyGenerator: ({ caller, ip }) => (caller === undefined ? `ip ${ip}` : `token ${caller.name}`),
    max: ({ caller }) => (caller === undefined ? limits.anonymous : limits.token),
    allowList: (request) => isOpenTo(request),
    errorResponseBuilder: (_, { after }) => new Fault('TOO_MANY_REQUESTS', '', { help: `try again in ${after}` }),
  });
  await server.register(swagger, { openapi: DOCUMENT });
  // Later than the limit, which counts in onRequest: guessing tokens is limited too.
  server.addHook('preParsing', async (request) => {
    if (request.caller === undefined && !request.is404 && !isOpenTo(request)) throw new Fault('UNAUTHENTICATED', '');
  });
  server.addHook('preValidation', async (request) => {
    const { schema } = request.routeOptions;
    if (schema?.querystring !== undefined)
      request.query = typedQuery(schema.querystring as TSchema, request.query as Record<string, unknown>);
    if (schema?.body !== undefined) request.body ??= {};
  });
  server.addHook('onResponse', async (request, reply) => {
    // The route, not the address: what is asked for may hold keys and conditions.
    const { method, routeOptions, caller, id } = request;
    const ms = Math.round(reply.elapsedTime);
    const what = { method, route: routeOptions.url, status: reply.statusCode, ms, by: caller?.name, request: id };
    log.debug(what, 'answered');
  });
  server.setNotFoundHandler({ preHandler: server.rateLimit() }, (request, reply) =>
    sendError(new Fault('NOT_FOUND', `${request.method} of this path`), request, reply, log),
  );
  for (const each of routesOf(backend, sensitivity)) addRoute(server, each, options);
  addOpenRoutes(server, backend, metrics);
  await server.ready();
  return server;
}

/** @returns the address. @throws Fault PORT_TAKEN */
export async function listen(server: FastifyInstance, at: { host: string; port: number }): Promise<string> {
  try {
    await server.listen(at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new Fault('PORT_TAKEN', '', { place: `${at.host}:${at.port}`, cause: error });
    throw error;
  }
  const { port } = server.server.address() as { port: number };
  return `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}`;
}

function callerOf({ headers }: FastifyRequest, { holder }: ServerOptions): Caller | undefined {
  const [, token] = /^Bearer +([\w.~+/=-]{1,1000})$/i.exec(headers.authorization ?? '') ?? [];
  return token === undefined ? undefined : holder(token);
}

const isOpenTo = ({ ip, routeOptions }: FastifyRequest): boolean =>
  routeOptions.config?.open === true && isLoopback(ip);

function addRoute(server: FastifyInstance, each: AnyRoute, { backend, log }: ServerOptions): void {
  const { method, url, summary, role, query, body, params, answer } = each;
  server.route({
    method,
    url,
    schema: {
      summary,
      description: `Role ${role} or higher.`,
      security: [{ token: [] }],
      response: { 200: answer, default: ErrorBody },
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
      ...(params === undefined ? {} : { params }),
    },
    handler: async (request, reply) => {
      const call = { query: request.query, body: request.body, params: request.params, caller: request.caller! };
      reply.header('cache-control', 'no-store');
      return audited(each, call, backend, log);
    },
  });
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const { validation, validationContext } = error as FastifyError;
  const known = answerOf(validation ? validationFaults(validation, validationContext ?? 'body') : error);
  if (known === undefined)
    log.error({ ...defectOf(error), route: request.routeOptions.url, request: request.id }, 'defect');
  const { status, faults } = known ?? { status: 500, faults: [new Fault('DEFECT', `request ${request.id}`)] };
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 503) reply.header('retry-after', '2');
  return reply.code(status).send(bodyOf(faults));
}

const DOCUMENT = {
  openapi: '3.1.0',
  info: {
    title: 'Quadrille replay service',
    description:
      'Dead letters that close: what failed and why, corrections, replays, and the proof that nothing is missing.',
    version: VERSION,
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  components: { securitySchemes: { token: { type: 'http' as const, scheme: 'bearer' } } },
};
