import { sourceTypes } from '@quadrille/flow';
import { Api } from '@quadrille/flow/api-fixture';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { sourceConformance } from './source.ts';

const type = sourceTypes.http!;
const items = (from: number, count: number): unknown[] =>
  Array.from({ length: count }, (_, i) => ({ id: from + i, name: `näme ${from + i}`, at: 1_000 + from + i }));
const changed = 'an API shows what it has now: a changed page is read again, which http.test.ts of the source shows';

for (const [name, poll, more] of [
  ['http, read once', {}, { change: changed, grow: 'it is read once; what is added later takes `pollSeconds`' }],
  ['http, polled', { pollSeconds: 0.02 }, { change: changed }],
] as const)
  sourceConformance({
    name,
    traits: { ...type.traits, endless: 'pollSeconds' in poll },
    cannot: more,
    async prepare(t) {
      const api = await new Api().open();
      t.after(() => api.close());
      const first = [...items(0, 10), 'no object', { id: 10, name: 'of no time' }, ...items(11, 10)];
      api.lists.set('/a', first);
      api.lists.set('/b', items(0, 30));
      const config = {
        address: 'API',
        path: ['/b', '/a'],
        items: '/data',
        pages: { by: 'cursor', next: '/next', size: 7, sizeParameter: 'size' },
        since: { field: '/at', parameter: 'since' },
        ...poll,
      };
      return {
        source: type.create(config, sourceContext('.', ['id', 'name'], { env: { API: api.url } })),
        shards: [
          { name: '/a', items: 22, faults: { 10: 'ROW_MALFORMED', 11: 'VERSION_INVALID' } },
          { name: '/b', items: 30, faults: {} },
        ],
        grow: async () => {
          first.push(...items(21, 15));
          return 15;
        },
        down: () => api.close(),
        up: async () => void (await api.open()),
      };
    },
  });
