/** Groups, partitions and commits, as the stations see them. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { byStation, OF, quantile, rate, start } from './page.ts';
import { figure, graph, row } from './panels.ts';

export function kafkaDashboard(): Dashboard {
  const page = start(
    'quadrille-kafka',
    'Quadrille / Kafka',
    'Groups, partitions and commits as the stations see them. What brokers say of themselves stands in the dashboards of whoever runs them.',
  );
  page
    .withPanel(
      figure({ title: 'Waiting records', description: 'Of all inputs and replay topics.', unit: 'short' }, [
        `sum(quadrille_consumer_lag_records{${OF}})`,
        '',
      ]),
    )
    .withPanel(
      figure({ title: 'Partitions held', description: 'Of inputs and replay topics.', unit: 'short' }, [
        `count(quadrille_consumer_lag_records{${OF}})`,
        '',
      ]),
    )
    .withPanel(
      figure({ title: 'Instances', description: 'Of all stations.', unit: 'short' }, [
        `count(quadrille_build_info{${OF}})`,
        '',
      ]),
    )
    .withPanel(
      figure(
        {
          title: 'Void rounds',
          description: 'Within an hour: ownership changed before the commit, the work is done again by the next owner.',
          unit: 'short',
        },
        [`sum(increase(quadrille_commits_total{${OF},result="void"}[1h]))`, ''],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'Longest without a commit',
          description: 'Of the stations that have something to do.',
          unit: 's',
          warnAt: 60,
          failAt: 300,
        },
        [
          `max((time() - max by (flow, station) (quadrille_last_progress_timestamp_seconds{${OF}} > 0)) and on (flow, station) sum by (flow, station) (quadrille_consumer_lag_records{${OF}}) > 0) or vector(0)`,
          '',
        ],
      ),
    )
    .withPanel(
      figure({ title: 'Versions', description: 'Of the service, at once.', unit: 'short', warnAt: 2 }, [
        `count(count by (version) (quadrille_build_info{${OF}}))`,
        '',
      ]),
    )
    .withRow(row('Partitions'))
    .withPanel(
      graph({ title: 'Waiting, by topic', description: 'Replay topics included.', unit: 'short' }, [
        `sum by (topic) (quadrille_consumer_lag_records{${OF}})`,
        '{{topic}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'The ten furthest behind',
          description: 'One far above the others: a hot key, or a partition whose owner is stuck.',
          unit: 'short',
        },
        [`topk(10, quadrille_consumer_lag_records{${OF}} > 0)`, '{{station}} {{topic}}[{{partition}}]'],
      ),
    )
    .withPanel(
      graph(
        { title: 'Partitions, by instance', description: 'An instance with none is one too many.', unit: 'short' },
        [`count by (station, instance) (quadrille_consumer_lag_records{${OF}})`, '{{station}} {{instance}}'],
      ),
    )
    .withPanel(
      graph({ title: 'Assignments', description: 'Within 5 minutes, by station.', unit: 'short' }, [
        `sum by (station) (increase(quadrille_rebalances_total{${OF}}[5m]))`,
        '{{station}}',
      ]),
    )
    .withRow(row('Writing'))
    .withPanel(
      graph(
        {
          title: 'Sent',
          description: 'Outputs and dead letters acknowledged by all in-sync replicas, a second.',
          unit: 'reqps',
        },
        [`${byStation('records_sent_total')} + ${byStation('dead_letters_total')}`, '{{station}}'],
      ),
    )
    .withPanel(
      graph(
        { title: 'Settling takes', description: 'Two sends and a commit: median and 99 %.', unit: 's' },
        [quantile(0.5, 'settle_duration_seconds'), '{{station}} 50 %'],
        [quantile(0.99, 'settle_duration_seconds'), '{{station}} 99 %'],
      ),
    )
    .withPanel(
      graph({ title: 'Commits', description: 'A second, by result.', unit: 'ops' }, [
        `sum by (station, result) (${rate('commits_total')})`,
        '{{station}} {{result}}',
      ]),
    )
    .withPanel(
      graph({ title: 'Not acknowledged', description: 'Settles that had to be sent again, a second.', unit: 'ops' }, [
        `sum by (station) (${rate('retries_total', ',step="settle"')})`,
        '{{station}}',
      ]),
    );
  return page.build();
}
