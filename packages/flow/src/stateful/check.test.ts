import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Faults } from '@quadrille/record';
import { readFlow } from '../flow-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'quadrille-stateful-'));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'schemas'));
mkdirSync(join(folder, 'rules'));
writeFileSync(join(folder, 'rules/a.ts'), '');
const time = { type: 'long', logicalType: 'timestamp-millis' };
const money = { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 };
const schema = (name: string, fields: Record<string, unknown>): void =>
  writeFileSync(
    join(folder, `schemas/${name}.avsc`),
    JSON.stringify({
      type: 'record',
      name: 'R',
      fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
    }),
  );
schema('in', {
  payment: 'string',
  who: ['null', 'string'],
  cents: 'long',
  amount: money,
  note: ['null', 'string'],
  at: time,
});
schema('out', {
  who: ['null', 'string'],
  hour: time,
  n: 'long',
  total: 'long',
  sum: money,
  mean: 'double',
  last: ['null', 'string'],
});

async function told(list: string): Promise<string[]> {
  writeFileSync(
    join(folder, 'flow.yaml'),
    `flow: f\ntopics: { in: { external: true } }\nstations:\n  s:\n    from: in\n    to: out\n    transformer:\n${list}\n`,
  );
  try {
    await readFlow(folder);
    return [];
  } catch (error) {
    assert.ok(error instanceof Faults);
    return error.faults.map(
      ({ place, message, help }) => `${place?.replace(/^.*yaml:/, '')} ${message.replace(/^.*?: /, '')} | ${help}`,
    );
  }
}

const WHOLE = `take: { n: count, total: { sum: cents }, sum: { sum: amount }, mean: { avg: cents } }`;

test('dedupe and window are read whole, with their defaults', async () => {
  assert.deepEqual(
    await told(
      `      - rules/a.ts\n      - dedupe: { within: 24h }\n      - window: { by: who, every: 1h, start: hour, ${WHOLE} }`,
    ),
    [],
  );
  const spec = (await readFlow(folder)).stations.get('s');
  assert.ok(spec?.kind === 'transformer');
  assert.equal(spec.rules.length, 1);
  assert.deepEqual(spec.stateful?.dedupe, {
    by: undefined,
    time: undefined,
    withinMs: 86_400_000,
    aheadMs: 86_400_000,
    keys: 100_000,
  });
  const { take, ...window } = spec.stateful!.window!;
  assert.deepEqual(window, {
    by: ['who'],
    time: undefined,
    everyMs: 3_600_000,
    latenessMs: 0,
    late: 'drop',
    aheadMs: 86_400_000,
    keys: 50_000,
    start: 'hour',
    end: undefined,
  });
  assert.deepEqual(take[1], { field: 'total', aggregate: 'sum', of: 'cents' });
});

test('fields that are not there, and types that cannot be: all at once, each with its place', async () => {
  assert.deepEqual(
    await told(
      '      - dedupe: { by: paiment, within: 1h }\n' +
        '      - window: { by: [note], time: cents, every: 1h, start: n, take: { n: { sum: amount }, total: { max: note }, mean: { avg: amount }, sum: { min: amont }, last: { max: note } } }',
    ),
    [
      '8:23 the input has no field `paiment` | did you mean `payment`?',
      '9:23 the output has no field `note` | one of: who, hour, n, total, sum, mean, last',
      '9:37 `cents` is long | wanted is one of timestamp-millis, timestamp-micros, local-timestamp-millis, local-timestamp-micros',
      '9:62 `n` is long | wanted is one of timestamp-millis, timestamp-micros, local-timestamp-millis, local-timestamp-micros',
      '9:71 nothing gives the output its field `hour` | take it, or let it be null',
      '9:76 `n` is long, and sum of `amount` is decimal of scale 2 | change the schema, or what is taken',
      '9:100 `total` is long, and max of `note` is string | change the schema, or what is taken',
      '9:121 `amount` is decimal, which has no avg | change the schema, or what is taken',
      '9:143 the input has no field `amont` | did you mean `amount`?',
    ],
  );
});

test('rules, then dedupe, then window: in another order they are refused, and what the output lacks is told', async () => {
  assert.deepEqual(
    await told(
      `      - window: { by: who, every: 1h, start: hour, ${WHOLE} }\n      - dedupe: { within: 1h }\n      - rules/a.ts`,
    ),
    [
      '9:9 `dedupe` behind what keeps state | rules, then `dedupe`, then `window`; what follows is for a station of its own',
      '10:9 a rule behind what keeps state | rules, then `dedupe`, then `window`; what follows is for a station of its own',
    ],
  );
  assert.deepEqual(
    await told(
      '      - window: { by: who, every: 1h, take: { n: count, total: { sum: cents }, sum: { max: amount } } }',
    ),
    [
      '8:45 nothing gives the output its field `hour` | take it, or let it be null',
      '8:45 nothing gives the output its field `mean` | take it, or let it be null',
    ],
  );
  assert.match((await told('      - window: { by: who, every: 90 minutes, take: { n: count } }'))[0]!, /every/);
});
