import { sourceTypes } from '@quadrille/flow';
import { sourceContext } from '@quadrille/flow/source-fixture';
import { until } from '../harness/index.ts';
import { sourceConformance } from './source.ts';

const type = sourceTypes.webhook!;

sourceConformance({
  name: 'webhook',
  traits: type.traits!,
  cannot: {
    change: 'nothing is read a second time',
    grow: 'what was read and is not acknowledged comes again beside what is added; that is tested in webhook.test.ts of the source',
    down: 'it asks nobody: it is called',
  },
  async prepare(t) {
    let port = 0;
    let waiting = 0;
    const context = sourceContext('.', ['id', 'name'], {
      lanes: 2,
      log: {
        info: (details) => {
          port = (details as { port: number }).port;
        },
        warn: () => {},
      },
      lag: (_, lag) => {
        waiting = lag?.records ?? 0;
      },
    });
    const source = type.create({ listen: '127.0.0.1:0', idempotencyKey: 'Idempotency-Key' }, context);
    const names = (await source.shards()).map(({ name }) => name);
    // Callers come when somebody reads; they wait for an answer that the suite does not always give.
    const opened = await source.open({ name: names[0]! }, undefined);
    const items = Array.from({ length: 22 }, (_, i) => (i === 10 ? 'no object' : { id: i, name: `näme ${i}` }));
    const call = fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      body: JSON.stringify(items),
      headers: { 'idempotency-key': 'k' },
    });
    t.after(async () => (await call).body?.cancel());
    await until('the call has arrived', async () => waiting === 22);
    await opened.close();
    const faults = { 10: 'ROW_MALFORMED' };
    return { source, shards: names.map((name) => ({ name, items: 22, faults })) };
  },
});
