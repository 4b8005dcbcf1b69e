/** What the stations of a flow do, how far behind they are, and what it costs. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { byStation, OF, quantile, rate, start } from './page.ts';
import { figure, graph, row, states } from './panels.ts';

/** As quadrille_station_state calls them, the worst last: of several instances the worst one is shown. */
const STATES = [
  ['running', 'green'],
  ['stopping', 'semi-dark-blue'],
  ['starting', 'blue'],
  ['held', 'yellow'],
  ['paused', 'orange'],
  ['stuck', 'red'],
] as const;
const STATE = `max by (flow, station) (${STATES.map(
  ([state], index) => `${index + 1} * (quadrille_station_state{${OF},state="${state}"} == 1)`,
).join(' or ')})`;

export function flowDashboard(): Dashboard {
  const page = start(
    'quadrille-flow',
    'Quadrille / Flow',
    'What the stations of a flow do, how far behind they are, and what it costs.',
  );
  page
    .withPanel(
      figure({ title: 'Stations at work', description: 'Instances in state running.', unit: 'short' }, [
        `sum(quadrille_station_state{${OF},state="running"})`,
        '',
      ]),
    )
    .withPanel(
      figure(
        {
          title: 'Not at work',
          description: 'Instances starting, held, paused, stuck or stopping.',
          unit: 'short',
          warnAt: 1,
        },
        [`sum(quadrille_station_state{${OF},state!="running"})`, ''],
      ),
    )
    .withPanel(
      figure({ title: 'Waiting records', description: 'Of all inputs and replay topics.', unit: 'short' }, [
        `sum(quadrille_consumer_lag_records{${OF}})`,
        '',
      ]),
    )
    .withPanel(
      figure(
        {
          title: 'Furthest behind',
          description: 'Age of the oldest record that a station has read and not settled.',
          unit: 's',
          warnAt: 60,
          failAt: 300,
        },
        [`max(quadrille_consumer_lag_seconds{${OF}})`, ''],
      ),
    )
    .withPanel(
      figure(
        { title: 'Dead letters open', description: 'As the replay service counts them.', unit: 'short', warnAt: 1 },
        [`sum(max by (flow, station, code) (quadrille_dead_letters_open{${OF}}))`, ''],
      ),
    )
    .withPanel(
      figure(
        { title: 'End to end, 99 %', description: 'From extraction to the commit of the last station.', unit: 's' },
        [`max(${quantile(0.99, 'end_to_end_seconds')})`, ''],
      ),
    )
    .withPanel(
      states(
        {
          title: 'States',
          description:
            'Of several instances the one that is worst off. Held: a dependency is away. Paused: the line has stopped, or an operator has paused it. Stuck: somebody must decide.',
        },
        STATES,
        [STATE, '{{flow}}/{{station}}'],
      ),
    )
    .withRow(row('Records'))
    .withPanel(
      graph(
        { title: 'Received', description: 'Taken to be judged, a second; again after a rebalance.', unit: 'reqps' },
        [byStation('records_received_total'), '{{station}}'],
      ),
    )
    .withPanel(
      graph({ title: 'Sent', description: 'Output records acknowledged, a second.', unit: 'reqps' }, [
        byStation('records_sent_total'),
        '{{station}}',
      ]),
    )
    .withPanel(
      graph({ title: 'Dropped', description: 'By rule, a second.', unit: 'reqps' }, [
        byStation('records_dropped_total'),
        '{{station}}',
      ]),
    )
    .withPanel(
      graph({ title: 'Rejected', description: 'Dead letters by fault, a second.', unit: 'reqps', stacked: true }, [
        `sum by (station, code) (${rate('record_faults_total')})`,
        '{{station}} {{code}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'In the target',
          description:
            'What became of the rows, a second: unchanged are duplicates, superseded came later than a newer version, a conflict has one version and other content.',
          unit: 'reqps',
        },
        [`sum by (station, outcome) (${rate('target_records_total')})`, '{{station}} {{outcome}}'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Duplicates',
          description: 'Rows that stood in the target already, a second: what restarts and rebalances cost there.',
          unit: 'reqps',
        },
        [byStation('records_duplicate_total'), '{{station}}'],
      ),
    )
    .withRow(row('Delay'))
    .withPanel(
      graph(
        { title: 'Waiting', description: 'Records that are not taken yet, inputs and replay topics.', unit: 'short' },
        [`sum by (station) (quadrille_consumer_lag_records{${OF}})`, '{{station}}'],
      ),
    )
    .withPanel(
      graph({ title: 'Behind', description: 'Age of the oldest record read and not settled.', unit: 's' }, [
        `max by (station) (quadrille_consumer_lag_seconds{${OF}})`,
        '{{station}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'End to end, median and 99 %',
          description: 'From extraction to the commit at each station; the first record of each slice counts.',
          unit: 's',
          span: 24,
        },
        [quantile(0.5, 'end_to_end_seconds'), '{{station}} 50 %'],
        [quantile(0.99, 'end_to_end_seconds'), '{{station}} 99 %'],
      ),
    )
    .withRow(row('Rounds'))
    .withPanel(
      graph({ title: 'Rounds', description: 'Committed a second.', unit: 'ops', span: 8 }, [
        byStation('batch_duration_seconds_count'),
        '{{station}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'Records a round',
          description:
            'Few of them at high load: the input has fewer partitions, or smaller batches, than the station could take.',
          unit: 'short',
          span: 8,
        },
        [`${byStation('records_received_total')} / (${byStation('batch_duration_seconds_count')} > 0)`, '{{station}}'],
      ),
    )
    .withPanel(
      graph({ title: 'Under way', description: 'Records taken and not settled.', unit: 'short', span: 8 }, [
        `sum by (station) (quadrille_inflight_records{${OF}})`,
        '{{station}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'A round takes, 95 %',
          description: 'From taking it to its commit, the wait for the round before included.',
          unit: 's',
          span: 8,
        },
        [quantile(0.95, 'batch_duration_seconds'), '{{station}}'],
      ),
    )
    .withPanel(
      graph(
        { title: 'Judging takes, 95 %', description: 'Decoding, rules, lookups, the target.', unit: 's', span: 8 },
        [quantile(0.95, 'judge_duration_seconds'), '{{station}}'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Settling takes, 95 %',
          description: 'Outputs and dead letters, the ledger, the commit: what Kafka takes.',
          unit: 's',
          span: 8,
        },
        [quantile(0.95, 'settle_duration_seconds'), '{{station}}'],
      ),
    )
    .withPanel(
      graph(
        { title: 'Tried again', description: 'Rounds a second, by what had to be done again.', unit: 'ops', span: 12 },
        [`sum by (station, step) (${rate('retries_total')})`, '{{station}} {{step}}'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Assignments',
          description: 'Received from the group coordinator within 5 minutes.',
          unit: 'short',
          span: 12,
        },
        [`sum by (station) (increase(quadrille_rebalances_total{${OF}}[5m]))`, '{{station}}'],
      ),
    )
    .withRow(row('Sources and lookups'))
    .withPanel(
      graph(
        {
          title: 'Waiting in the source',
          description: 'Items, where the source can tell: a queue, a slot.',
          unit: 'short',
          span: 8,
        },
        [`sum by (station, shard) (quadrille_source_lag_records{${OF}})`, '{{station}} {{shard}}'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'The source is behind',
          description: 'Age of the oldest item that waits there, where the source can tell.',
          unit: 's',
          span: 8,
        },
        [`max by (station, shard) (quadrille_source_lag_seconds{${OF}})`, '{{station}} {{shard}}'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Kept by the source',
          description:
            'What a replication slot keeps for its extractor: it grows without end while the extractor is away.',
          unit: 'bytes',
          span: 8,
        },
        [`max by (station, shard) (quadrille_source_lag_bytes{${OF}})`, '{{station}} {{shard}}'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Lookups: remembered and asked for',
          description: 'Keys a second; stale ones were answered from memory beyond their time, while nobody answered.',
          unit: 'reqps',
        },
        ...(['hits', 'misses', 'stale'] as const).map(
          (what) =>
            [`sum by (station, lookup) (${rate(`lookup_${what}_total`)})`, `{{station}} {{lookup}} ${what}`] as const,
        ),
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Waiting for lookups',
          description: 'Seconds a second that rounds have waited for answers.',
          unit: 'percentunit',
        },
        [`sum by (station, lookup) (${rate('lookup_wait_seconds_total')})`, '{{station}} {{lookup}}'],
      ),
    )
    .withRow(row('Processes'))
    .withPanel(
      graph({ title: 'Resident memory', description: 'By instance.', unit: 'bytes' }, [
        `process_resident_memory_bytes{${OF}}`,
        '{{station}} {{instance}}',
      ]),
    )
    .withPanel(
      graph({ title: 'Processor', description: 'Cores used, by instance.', unit: 'short' }, [
        `rate(process_cpu_seconds_total{${OF}}[$__rate_interval])`,
        '{{station}} {{instance}}',
      ]),
    )
    .withPanel(
      graph({ title: 'Heap', description: 'In use, by instance.', unit: 'bytes' }, [
        `nodejs_heap_size_used_bytes{${OF}}`,
        '{{station}} {{instance}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'Event loop, 99 %',
          description: 'How late timers fire: near a second, heartbeats are in danger.',
          unit: 's',
        },
        [`nodejs_eventloop_lag_p99_seconds{${OF}}`, '{{station}} {{instance}}'],
      ),
    );
  return page.build();
}
