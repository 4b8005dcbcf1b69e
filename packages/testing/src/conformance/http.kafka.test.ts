/** Sources over HTTP in their stations: an API that is asked, and callers who call until they are answered. */
import { Api } from '@quadrille/flow/api-fixture';
import { type FlowFixture, freePort, guardAgainstLeaks } from '../harness/index.ts';
import { Caller } from '../webhook/caller.ts';
import { ITEMS, sourceStationConformance } from './source-station.ts';

guardAgainstLeaks();

const item = (i: number): object => ({ id: `r${i}`, n: i, at: 10_000 + i });

const apis = new Map<FlowFixture, Api>();

sourceStationConformance({
  name: 'http',
  extractor:
    '{ type: http, address: API_URL, path: [/a, /b], items: /data, pages: { by: cursor, next: /next, size: 250, sizeParameter: size }, since: { field: /at, parameter: since }, pollSeconds: 0.2, id: "{id}" }',
  bad: [
    { code: 'ROW_MALFORMED', place: /^\/a#3000$/ },
    { code: 'VERSION_INVALID', place: /^\/b#0$/ },
  ],
  async prepare(flow) {
    const api = await new Api().open();
    const all = Array.from({ length: ITEMS }, (_, i) => item(i));
    api.lists.set('/a', [...all.slice(0, ITEMS / 2), 7]);
    api.lists.set('/b', [{ id: 'bad' }, ...all.slice(ITEMS / 2)]);
    apis.set(flow, api);
    return () => api.close();
  },
  env: (flow) => ({ API_URL: apis.get(flow)!.url }),
});

const ports = new Map<FlowFixture, number>();
const calls = new Map<FlowFixture, Promise<unknown>>();
/** Of one call; a round takes eight whole ones, so that none is answered in part when the station dies. */
const ITEMS_A_CALL = 25;

sourceStationConformance({
  name: 'webhook',
  extractor: '{ type: webhook, route: /read, idempotencyKey: Idempotency-Key }',
  bad: [
    { code: 'ROW_MALFORMED', place: /^\/read#bad:0$/ },
    { code: 'FIELD_INVALID', place: /^\/read#bad:1$/ },
  ],
  async prepare(flow) {
    const port = await freePort();
    ports.set(flow, port);
    const caller = new Caller(port, '/read', 16);
    const call = (key: string, items: unknown[]) => caller.persist(JSON.stringify(items), { 'idempotency-key': key });
    const work = async (): Promise<void> => {
      await call('bad', ['no object', { id: 'bad', n: 'no number' }]);
      const all = Array.from({ length: ITEMS / ITEMS_A_CALL }, (_, at) => at * ITEMS_A_CALL);
      await Promise.all(
        all.map((from) =>
          call(
            `k${from}`,
            Array.from({ length: ITEMS_A_CALL }, (_, i) => item(from + i)),
          ),
        ),
      );
    };
    const working = work();
    calls.set(flow, working);
    return async () => {
      caller.close();
      await working;
    };
  },
  everything: async (flow) => void (await calls.get(flow)),
  env: (flow) => ({ QUADRILLE_WEBHOOK: `127.0.0.1:${ports.get(flow)}` }),
});
