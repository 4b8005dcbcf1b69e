/** What dashboards and alerts ask for is what the processes of a flow tell, by name, label and value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardAgainstLeaks, noServers, until } from '../harness/index.ts';
import { asked, rules } from './asked.ts';
import { type Chain, startChain } from './chain.ts';
import { type Series, selectorsOf, seriesOf } from './series.ts';

guardAgainstLeaks();

/** Of Prometheus itself, or added by it to every series. */
const OF_PROMETHEUS = new Set(['instance', 'job', 'le', 'alertname', 'alertstate']);

const ofStations = async ({ stations }: Chain): Promise<Series[]> =>
  (await Promise.all([...stations.values()].map((each) => each.get('/metrics')))).flatMap(({ text }) => seriesOf(text));

/** Told only by sources that know what waits in them, and by lookups that are asked; this flow has neither. */
const NOT_HERE = /^quadrille_(source_lag|lookup)_/;

async function ofService({ service }: Chain): Promise<Series[]> {
  const answer = await fetch(`${service!.status!.url}/metrics`, { headers: { connection: 'close' } });
  return seriesOf(await answer.text());
}

/** Everything that is asked for and is not there. */
function missing(series: readonly Series[]): string[] {
  const recorded = new Set(rules().flatMap(({ record }) => (record === undefined ? [] : [record])));
  const byName = Map.groupBy(series, ({ name }) => name);
  const all = new Set(series.flatMap(({ labels }) => [...labels.keys()]));
  return asked().flatMap(({ place, expression }) => {
    const { selectors, grouped } = selectorsOf(expression);
    const lost = selectors.flatMap(({ name, labels, wanted }) => {
      if (recorded.has(name) || NOT_HERE.test(name)) return [];
      const there = byName.get(name);
      if (there === undefined) return [name];
      const known = new Set(there.flatMap((each) => [...each.labels.keys()]));
      const fits = there.some((each) => [...wanted].every(([label, value]) => each.labels.get(label) === value));
      return [
        ...labels.filter((label) => !known.has(label)).map((label) => `${name}{${label}}`),
        ...(fits ? [] : [`${name}${JSON.stringify(Object.fromEntries(wanted))}`]),
      ];
    });
    const odd = selectors.every(({ name }) => NOT_HERE.test(name))
      ? []
      : grouped.filter((label) => !all.has(label) && !OF_PROMETHEUS.has(label));
    return [...lost, ...odd.map((label) => `by (${label})`)].map((what) => `${place}: ${what}`);
  });
}

test('every series that a dashboard or a rule names is told by a flow that runs, and every figure is shown somewhere', {
  skip: noServers,
}, async () => {
  const rows = ['a,pass,1', 'b,reject,2', 'c,drop,3', 'd,pass,4', 'e,throw,5'];
  await using chain = await startChain(rows);
  await chain.settled({ read: 5, judge: 5, store: 2 });
  const [letter] = await chain.letters(2);
  const stations = await ofStations(chain);
  // A replay is not over while its station is stopped.
  await chain.stations.get('judge')!.stop();
  await chain.service!.replay({ deadLetters: { ids: [letter!.id] }, reason: 'test' });
  const service = await until('a replay that is not over', async () => {
    const series = await ofService(chain);
    return series.some(({ name }) => name === 'quadrille_replays_open') && series;
  });
  const series = [...stations, ...service];
  assert.deepEqual(missing(series), []);

  const names = (all: readonly { name: string }[]): Set<string> =>
    new Set(all.map(({ name }) => name.replace(/_(sum|count|bucket)$/, '')));
  const shown = names(asked().flatMap(({ expression }) => selectorsOf(expression).selectors));
  const unseen = [...names(series)].filter((name) => name.startsWith('quadrille_') && !shown.has(name));
  assert.deepEqual(unseen, []);
  assert.deepEqual(
    missing(series.filter(({ name }) => name !== 'quadrille_retries_total')).length > 0,
    true,
    'what is not there is found',
  );
});
