/** What all dashboards begin with: whose figures they show, and expressions for them. */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { SOURCE } from './panels.ts';

/** What the reader has chosen. */
export const OF = 'flow=~"$flow",station=~"$station"';
export const OF_FLOW = 'flow=~"$flow"';

export const rate = (metric: string, more = ''): string => `rate(quadrille_${metric}{${OF}${more}}[$__rate_interval])`;
export const byStation = (metric: string): string => `sum by (station) (${rate(metric)})`;
export const quantile = (q: number, metric: string, by = 'station'): string =>
  `histogram_quantile(${q}, sum by (${by}, le) (${rate(`${metric}_bucket`)}))`;

const named = (name: string, label: string, query: string): dashboard.QueryVariableBuilder =>
  new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: 'All', value: '$__all' });

/** An empty dashboard with its choices. */
export function start(uid: string, title: string, description: string): dashboard.DashboardBuilder {
  return new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['quadrille'])
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .editable()
    .link(
      new dashboard.DashboardLinkBuilder('Quadrille')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['quadrille'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(named('flow', 'Flow', 'label_values(quadrille_build_info{station!=""}, flow)'))
    .withVariable(
      named('station', 'Station', 'label_values(quadrille_build_info{flow=~"$flow",station!=""}, station)'),
    );
}
