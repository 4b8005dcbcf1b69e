/** Rules and dashboards by themselves; that what they ask exists is shown by series.e2e.test.ts. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../harness/index.ts';
import { asked, dashboards, filledIn, RULES, rules } from './asked.ts';
import { findPromtool, promtool } from './promtool.ts';

const TESTS = RULES.replace('.rules.yml', '.rules.test.yml');
const RUNBOOKS = join(ROOT, 'docs/how-to/runbooks');
const tool = await findPromtool();
const skip = 'absent' in tool ? tool.absent : false;
const run = (...args: string[]): Promise<string> => promtool('path' in tool ? tool.path : '', ...args);

test('Prometheus reads the rules, and each fires when it should', { skip }, async () => {
  await run('check', 'rules', RULES);
  await run('test', 'rules', TESTS);
});

test('a rule that is not true to its test is found', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-rules-'));
  try {
    const changed = readFileSync(RULES, 'utf8').replace('state="stuck"}) == 1', 'state="stuck"}) == 2');
    await writeFile(join(folder, basename(RULES)), changed);
    await writeFile(join(folder, basename(TESTS)), readFileSync(TESTS));
    await assert.rejects(run('test', 'rules', join(folder, basename(TESTS))), /QuadrilleStationStuck/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every expression of the dashboards is PromQL', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-rules-'));
  try {
    const made = asked().map(({ expression }, index) => ({ record: `each:${index}`, expr: filledIn(expression) }));
    const file = join(folder, 'panels.yml');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'panels', rules: made }] }));
    assert.match(await run('check', 'rules', file), new RegExp(`${made.length} rules found`));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every alert is tested, says how urgent it is and what is wrong, and has a runbook; and no runbook is left over', () => {
  const tests = readFileSync(TESTS, 'utf8');
  const alerts = rules().filter(({ alert }) => alert !== undefined);
  assert.ok(alerts.length > 10);
  const pages: string[] = [];
  for (const { alert, labels, annotations } of alerts) {
    assert.ok(tests.includes(alert!), `${alert} is tested`);
    assert.match(labels?.severity ?? '', /^(critical|warning|info)$/, alert);
    assert.ok(annotations?.summary && annotations.description, `${alert} says what is wrong`);
    const page = join(ROOT, annotations.runbook_url ?? '');
    assert.ok(existsSync(page), `${alert}: ${annotations.runbook_url}`);
    assert.ok(readFileSync(page, 'utf8').includes(`\`${alert}\``), `${page} names ${alert}`);
    pages.push(basename(page));
  }
  assert.deepEqual(readdirSync(RUNBOOKS).sort(), [...pages, 'README.md'].sort());
});

test('dashboards: panels apart, each with a title, a word on what it shows, and the data source that was chosen', () => {
  assert.equal(new Set(dashboards().map(({ uid }) => uid)).size, 3);
  for (const { file, title, schemaVersion, panels, templating } of dashboards()) {
    assert.ok(title.startsWith('Quadrille / ') && schemaVersion >= 39, file);
    assert.deepEqual(
      templating.list.map(({ name }) => name),
      ['datasource', 'flow', 'station'],
    );
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { id, type, title, description, datasource, gridPos, targets = [] } of panels) {
      const place = `${file}: ${id} ${title}`;
      const { x, y, w, h } = gridPos;
      assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= 24, place);
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          assert.ok(!taken.has(`${column} ${line}`), `${place} stands on another`);
          taken.add(`${column} ${line}`);
        }
      assert.ok(title, place);
      if (type === 'row') continue;
      assert.ok(description, place);
      assert.deepEqual(datasource, { type: 'prometheus', uid: '$datasource' }, place);
      assert.ok(targets.length > 0 && new Set(targets.map(({ refId }) => refId)).size === targets.length, place);
    }
  }
});
