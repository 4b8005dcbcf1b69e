/** The panels that the dashboards are made of, in few words: what they show, in which unit, by which expressions. */
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that the reader of a dashboard chooses. */
export const SOURCE = { type: 'prometheus', uid: '$datasource' };
const HEIGHT = 8;

/** What a panel asks: PromQL, and how its series are called. */
export type Asked = readonly [expr: string, legend: string];

const questions = (asked: readonly Asked[], instant = false): cog.Builder<cog.Dataquery>[] =>
  asked.map(([expr, legend], index) => {
    const query = new prometheus.DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode(65 + index));
    return instant ? query.instant() : query.range();
  });

const steps = (...values: [color: string, from: number | null][]) =>
  new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(values.map(([color, value]) => ({ color, value })));

export interface PanelOptions {
  title: string;
  description: string;
  /** As Grafana names units. */
  unit: string;
  /** Of 24 columns; 12 by default. */
  span?: number;
  /** From here on it is a warning, and an error. */
  warnAt?: number;
  failAt?: number;
}

/** Series over time. */
export function graph(
  { title, description, unit, span = 12, stacked = false }: PanelOptions & { stacked?: boolean },
  ...asked: Asked[]
): cog.Builder<dashboard.Panel> {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .min(0)
    .span(span)
    .height(HEIGHT)
    .fillOpacity(stacked ? 30 : 8)
    .lineWidth(1)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .targets(questions(asked));
  return stacked ? panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal)) : panel;
}

/** One number. */
export function figure(
  { title, description, unit, span = 4, warnAt, failAt }: PanelOptions,
  asked: Asked,
): cog.Builder<dashboard.Panel> {
  const levels: [string, number | null][] = [['green', null]];
  if (warnAt !== undefined) levels.push(['orange', warnAt]);
  if (failAt !== undefined) levels.push(['red', failAt]);
  return new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .span(span)
    .height(4)
    .noValue('none')
    .thresholds(steps(...levels))
    .colorMode(levels.length > 1 ? common.BigValueColorMode.Background : common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(questions([asked]));
}

/** Bars of what there is now, the longest first. */
export function bars(
  { title, description, unit, span = 12 }: PanelOptions,
  asked: Asked,
): cog.Builder<dashboard.Panel> {
  return new bargauge.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .unit(unit)
    .min(0)
    .span(span)
    .height(HEIGHT)
    .noValue('none')
    .thresholds(steps(['blue', null]))
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(questions([asked], true));
}

/** A line of coloured stretches for each series. @param meanings what the values say, from 1 */
export function states(
  { title, description, span = 24 }: Omit<PanelOptions, 'unit'>,
  meanings: readonly (readonly [text: string, color: string])[],
  asked: Asked,
): cog.Builder<dashboard.Panel> {
  const options = Object.fromEntries(
    meanings.map(([text, color], index) => [String(index + 1), { text, color, index }]),
  );
  return new statetimeline.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .span(span)
    .height(HEIGHT)
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .fillOpacity(80)
    .mappings([{ type: dashboard.MappingType.ValueToText, options }])
    .targets(questions([asked]));
}

export const row = (title: string): cog.Builder<dashboard.RowPanel> => new dashboard.RowBuilder(title);
