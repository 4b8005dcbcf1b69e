/** A collector of a test's own: takes OTLP over HTTP as protobuf (opentelemetry-proto, trace/v1) and keeps the spans. */
import { gunzipSync } from 'node:zlib';
import fastify from 'fastify';

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  /** Nanoseconds since the epoch. */
  start: bigint;
  end: bigint;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  /** 2 is an error. */
  status: number;
  statusMessage: string;
  resource: Record<string, unknown>;
}

export interface Collector extends AsyncDisposable {
  url: string;
  spans: CollectedSpan[];
  /** The header `authorization` of each export. */
  authorizations: Set<string | undefined>;
}

export async function startCollector(): Promise<Collector> {
  const server = fastify({ logger: false, bodyLimit: 16 * 1024 * 1024, forceCloseConnections: true });
  const spans: CollectedSpan[] = [];
  const authorizations = new Set<string | undefined>();
  server.addContentTypeParser('application/x-protobuf', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  server.post('/v1/traces', async (request, reply) => {
    const body = request.body as Buffer;
    authorizations.add(request.headers.authorization);
    spans.push(...spansIn(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
    return reply.type('application/x-protobuf').send(Buffer.alloc(0));
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  return { url, spans, authorizations, [Symbol.asyncDispose]: () => server.close() };
}

type Message = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

/** Fields of a protobuf message by number: bytes as they stand, numbers as unsigned 64 bits. */
function fieldsOf(bytes: Buffer): Message {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    let value: Buffer | bigint;
    if ((tag & 7) === 0) value = varint();
    else if ((tag & 7) === 1) value = take(8).readBigUInt64LE();
    else if ((tag & 7) === 5) value = BigInt(take(4).readUInt32LE());
    else value = take(Number(varint()));
    const before = fields.get(tag >> 3);
    if (before === undefined) fields.set(tag >> 3, [value]);
    else before.push(value);
  }
  return fields;
}

const messages = (of: Message, field: number): Message[] =>
  (of.get(field) ?? []).map((each) => fieldsOf(each as Buffer));
const text = (of: Message, field: number): string => String(of.get(field)?.[0] ?? '');
const hex = (of: Message, field: number): string => (of.get(field)?.[0] as Buffer | undefined)?.toString('hex') ?? '';
const number = (of: Message, field: number): bigint => (of.get(field)?.[0] as bigint | undefined) ?? 0n;

/** AnyValue: text, truth, integer; others are not sent by us. */
function anyValue(value: Message): unknown {
  if (value.has(1)) return text(value, 1);
  return value.has(2) ? number(value, 2) === 1n : Number(number(value, 3));
}

const attributes = (of: Message, field: number): Record<string, unknown> =>
  Object.fromEntries(messages(of, field).map((each) => [text(each, 1), anyValue(messages(each, 2)[0] ?? new Map())]));

function spansIn(body: Buffer): CollectedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((ofResource) => {
    const [resource] = messages(ofResource, 1);
    const all = messages(ofResource, 2).flatMap((scope) => messages(scope, 2));
    return all.map((span) => {
      const [status] = messages(span, 15);
      return {
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: text(span, 5),
        kind: Number(number(span, 6)),
        start: number(span, 7),
        end: number(span, 8),
        attributes: attributes(span, 9),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        status: status === undefined ? 0 : Number(number(status, 3)),
        statusMessage: status === undefined ? '' : text(status, 2),
        resource: resource === undefined ? {} : attributes(resource, 1),
      };
    });
  });
}
