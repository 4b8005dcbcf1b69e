import { targetTypes } from '@quadrille/flow';
import Fastify from 'fastify';
import { Gate } from './gate.ts';
import { targetConformance } from './target.ts';
import type { StoredRow } from './target-sample.ts';

interface Item {
  id: string;
  version: string;
  revision: number;
  deleted: boolean;
  value: { text: string; amount: number | null } | null;
}

/** Ways to send, each against a receiver that takes them. */
const WAYS = {
  'in batches, a status a row': {
    path: '/rows',
    under: 'rows',
    rows: 40,
    answer: { items: '/done', status: '/status' },
  },
  'in lines, refused as a whole': { path: '/lines', format: 'ndjson', rows: 40 },
  'a request a row': { path: '/rows/{id}', method: 'PUT' },
};

const http = targetTypes.http!;

for (const [way, config] of Object.entries(WAYS))
  targetConformance({
    name: `http, ${way}`,
    features: http.features['']!,
    skip: undefined,
    lacks: { find: 'a receiver is not asked what it has' },
    async prepare(t, { type, fields }) {
      const taken: Item[] = [];
      const server = Fastify({ forceCloseConnections: true });
      const take = (item: Item): number => {
        if (item.value?.text === 'poison') return 422;
        taken.push(item);
        return 200;
      };
      server.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (_request, body, done) =>
        done(
          null,
          String(body)
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        ),
      );
      server.post<{ Body: { rows: Item[] } }>('/rows', async ({ body }) => ({
        done: body.rows.map((item) => ({ status: take(item) })),
      }));
      server.post<{ Body: Item[] }>('/lines', async ({ body }, reply) => {
        if (body.some(({ value }) => value?.text === 'poison')) return reply.code(400).send();
        body.map(take);
        return reply.code(204).send();
      });
      server.put<{ Body: Item; Params: { id: string } }>('/rows/:id', async ({ body, params, headers }, reply) => {
        if (params.id !== body.id || headers['record-version'] !== body.version) return reply.code(500).send();
        return reply.code(take(body)).send();
      });
      await server.listen({ port: 0, host: '127.0.0.1' });
      const { port } = server.addresses()[0] as { port: number };
      const gate = new Gate('127.0.0.1', port);
      await gate.open();
      t.after(async () => {
        await gate.close();
        await server.close();
      });
      const env = { RECEIVER: `http://127.0.0.1:${gate.port}` };
      const entry = { ...config, address: 'RECEIVER', connections: 3 };
      return {
        create: () =>
          http.create(entry, { flow: 'conformance', station: 'http', folder: '.', schema: type, fields, env }),
        stored: async () =>
          taken
            .map(
              ({ id, version, revision, deleted, value }, i): StoredRow => ({
                id,
                version: BigInt(version),
                revision,
                deleted,
                text: value?.text ?? null,
                amount: value?.amount ?? null,
                mark: String(i),
              }),
            )
            .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)),
        poison: 'poison',
        connections: { cap: 3, peak: () => gate.peak },
        process: { type: 'http', config: entry, env },
        down: () => gate.close(),
        up: () => gate.open(),
        cut: async () => gate.cut(),
      };
    },
  });
