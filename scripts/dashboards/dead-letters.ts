/** What failed, how long it has waited, and what became of replays. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { byStation, OF, OF_FLOW, rate, start } from './page.ts';
import { bars, figure, graph, row } from './panels.ts';

export function deadLettersDashboard(): Dashboard {
  const page = start(
    'quadrille-dead-letters',
    'Quadrille / Dead letters',
    'What failed, how long it has waited, and what became of replays. Needs the replay service.',
  );
  const inState = (state: string): string =>
    `sum(max by (flow, station, state) (quadrille_dead_letters_by_state{${OF},state="${state}"}))`;
  page
    .withPanel(
      figure(
        {
          title: 'Open',
          description: 'Wait for a correction or a replay, corrected ones included.',
          unit: 'short',
          warnAt: 1,
        },
        [`sum(max by (flow, station, code) (quadrille_dead_letters_open{${OF}}))`, ''],
      ),
    )
    .withPanel(
      figure(
        {
          title: 'The oldest waits for',
          description: 'Since its last failure.',
          unit: 's',
          warnAt: 3_600,
          failAt: 86_400,
        },
        [`max(quadrille_dead_letters_oldest_seconds{${OF}})`, ''],
      ),
    )
    .withPanel(
      figure({ title: 'Replaying', description: 'Sent again, no verdict yet.', unit: 'short' }, [
        inState('replaying'),
        '',
      ]),
    )
    .withPanel(
      figure({ title: 'Resolved', description: 'Passed their station on a replay.', unit: 'short' }, [
        inState('resolved'),
        '',
      ]),
    )
    .withPanel(
      figure({ title: 'Discarded', description: 'Given up by somebody.', unit: 'short' }, [inState('discarded'), '']),
    )
    .withPanel(
      figure({ title: 'Replays not over', description: 'Waiting, running or being cancelled.', unit: 'short' }, [
        `sum(max by (flow, state) (quadrille_replays_open{${OF_FLOW}}))`,
        '',
      ]),
    )
    .withRow(row('What failed'))
    .withPanel(
      bars(
        { title: 'Open now, by code', description: '`quadrille explain CODE` says what a code means.', unit: 'short' },
        [
          `sort_desc(sum by (code) (max by (flow, station, code) (quadrille_dead_letters_open{${OF}}) > 0))`,
          '{{code}}',
        ],
      ),
    )
    .withPanel(
      bars(
        {
          title: 'Open now, by station',
          description: 'The station that has rejected them, and gets them again.',
          unit: 'short',
        },
        [
          `sort_desc(sum by (flow, station) (max by (flow, station, code) (quadrille_dead_letters_open{${OF}}) > 0))`,
          '{{flow}}/{{station}}',
        ],
      ),
    )
    .withPanel(
      graph({ title: 'New dead letters', description: 'A second, by station.', unit: 'reqps' }, [
        byStation('dead_letters_total'),
        '{{station}}',
      ]),
    )
    .withPanel(
      graph({ title: 'New dead letters, by fault', description: 'A second.', unit: 'reqps', stacked: true }, [
        `sum by (class, code) (${rate('record_faults_total')})`,
        '{{class}} {{code}}',
      ]),
    )
    .withPanel(
      graph({ title: 'Share of records rejected', description: 'Of those received.', unit: 'percentunit' }, [
        `${byStation('dead_letters_total')} / (${byStation('records_received_total')} > 0)`,
        '{{station}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'Writes not acknowledged',
          description: 'Settles with dead letters that had to be sent again, within 5 minutes.',
          unit: 'short',
        },
        [`sum by (station) (increase(quadrille_dead_letter_write_failures_total{${OF}}[5m]))`, '{{station}}'],
      ),
    )
    .withRow(row('What becomes of them'))
    .withPanel(
      graph({ title: 'By state', description: 'All that the replay service knows.', unit: 'short', stacked: true }, [
        `sum by (state) (max by (flow, station, state) (quadrille_dead_letters_by_state{${OF}}))`,
        '{{state}}',
      ]),
    )
    .withPanel(
      graph({ title: 'The oldest waits for', description: 'By station.', unit: 's' }, [
        `max by (flow, station) (quadrille_dead_letters_oldest_seconds{${OF}})`,
        '{{flow}}/{{station}}',
      ]),
    )
    .withPanel(
      graph(
        {
          title: 'Replayed records',
          description: 'A second, by the verdict of their station; previewed are dry runs.',
          unit: 'reqps',
          stacked: true,
        },
        [`sum by (station, outcome) (${rate('replay_records_total')})`, '{{station}} {{outcome}}'],
      ),
    )
    .withPanel(
      graph({ title: 'Replays not over', description: 'By state.', unit: 'short' }, [
        `sum by (flow, state) (max by (flow, state) (quadrille_replays_open{${OF_FLOW}}))`,
        '{{flow}} {{state}}',
      ]),
    )
    .withRow(row('The replay service'))
    .withPanel(
      graph(
        {
          title: 'Leaders',
          description: 'One of its instances follows and sends. 0 for long: nothing is taken in.',
          unit: 'short',
          span: 8,
        },
        ['sum(quadrille_replay_leader)', 'leaders'],
      ),
    )
    .withPanel(
      graph(
        {
          title: 'Still to take in',
          description: 'Records of dead-letter topics, ledger and decisions.',
          unit: 'short',
          span: 8,
        },
        ['max(quadrille_replay_behind_records)', 'records'],
      ),
    )
    .withPanel(
      graph({ title: 'Resident memory', description: 'By instance.', unit: 'bytes', span: 8 }, [
        'process_resident_memory_bytes and on (instance) quadrille_replay_leader',
        '{{instance}}',
      ]),
    );
  return page.build();
}
