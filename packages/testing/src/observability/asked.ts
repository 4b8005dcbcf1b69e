/** What dashboards and rules ask: every expression of observability/, with where it stands. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../harness/index.ts';

export const RULES = join(ROOT, 'observability/prometheus/quadrille.rules.yml');
const DASHBOARDS = join(ROOT, 'observability/grafana/dashboards');

export interface Asked {
  /** File and panel, or rule. */
  place: string;
  expression: string;
}

export interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  for?: string;
  labels?: { severity?: string };
  annotations?: { summary?: string; description?: string; runbook_url?: string };
}

export function rules(): Rule[] {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { type: string; uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string }[];
}

export interface Dashboard {
  file: string;
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string }[] };
}

export const dashboards = (): Dashboard[] =>
  globSync('*.json', { cwd: DASHBOARDS }).map((file) => ({
    ...JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')),
    file,
  }));

/** Expressions as they stand, of rules, panels, and the choices of dashboards. */
export function asked(): Asked[] {
  const ofRules = rules().map(({ alert, record, expr }) => ({ place: `rule ${alert ?? record}`, expression: expr }));
  const ofPages = dashboards().flatMap(({ file, panels, templating }) => [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ place: `${file}: ${title}`, expression: expr })),
    ),
    ...templating.list.flatMap(({ name, query }) => {
      const [, expression] = /^label_values\((.*), \w+\)$/.exec(query) ?? [];
      return expression === undefined ? [] : [{ place: `${file}: choice ${name}`, expression }];
    }),
  ]);
  return [...ofRules, ...ofPages];
}

/** As Grafana would send it: what it fills in itself is filled in. */
export const filledIn = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '5m').replaceAll('$flow', '.+').replaceAll('$station', '.+');
