import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseTopicSchema, readFlow } from '@quadrille/flow';
import { topicsOfFlow } from '@quadrille/station';
import { painter } from '../print/colour.ts';
import { differences } from './graft.ts';
import { LiveBlock } from './live-block.ts';
import { halvesOf, parseStatus } from './memory.ts';
import { inOrder, lagBetween } from './positions.ts';
import { lineOf, linesOf, type StationRow } from './rows.ts';
import { explain } from './schemas.ts';
import { settingFindings } from './topics.ts';

const TINY = fileURLToPath(new URL('../../../testing/fixtures/tiny', import.meta.url));

const ESC = '\u001b';

describe('settings of topics', () => {
  const good = {
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'retention.bytes': '-1',
    'max.message.bytes': '9999999',
    'message.timestamp.type': 'CreateTime',
  };

  test('topics as the flow wants them have no findings; each wrong setting is one, with the command that mends it', async () => {
    const spec = topicsOfFlow(await readFlow(TINY)).find(({ topic }) => topic === 'dlq.tiny.sent');
    assert.ok(spec);
    const found = (settings: Record<string, string>) => settingFindings(spec, { ...good, ...settings }, 2, false);
    assert.deepEqual(found({}), []);
    for (const [name, value] of Object.entries({
      'cleanup.policy': 'compact',
      'retention.ms': '604800000',
      'max.message.bytes': '1000',
      'message.timestamp.type': 'LogAppendTime',
    })) {
      const faults = found({ [name]: value });
      assert.equal(faults.length, 1, name);
      assert.match(faults[0]?.help ?? '', new RegExp(`--topic dlq.tiny.sent --add-config ${name}=`));
    }
  });

  test('another number of partitions is a finding for data topics alone', async () => {
    const spec = topicsOfFlow(await readFlow(TINY)).find(({ topic }) => topic === 'tiny.sent');
    assert.ok(spec);
    assert.match(settingFindings(spec, {}, 4, true)[0]?.message ?? '', /4 partitions, the flow file says 2/);
    assert.deepEqual(settingFindings(spec, {}, 4, false), []);
  });
});

test('an incompatible schema is told by field, once, at the oldest version it breaks', () => {
  const schema = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'R', fields });
  const id = { name: 'id', type: 'string' };
  const next = parseTopicSchema(
    schema(id, { name: 'town', type: 'string' }, { name: 'n', type: 'int' }),
    'f.in',
    '/s/f.in.avsc',
  );
  const versions = [
    { version: 1, schema: schema(id) },
    { version: 2, schema: schema(id, { name: 'n', type: 'string' }) },
  ];
  const faults = explain(next, versions);
  assert.deepEqual(
    faults.map(({ code, field }) => [code, field]),
    [
      ['SCHEMA_INCOMPATIBLE', 'town'],
      ['SCHEMA_INCOMPATIBLE', 'n'],
      ['SCHEMA_INCOMPATIBLE', 'n'],
    ],
  );
  assert.match(faults[0]?.message ?? '', /`town` is new and has no default.*version 1 of f\.in-value/);
  assert.match(faults[2]?.message ?? '', /version 2/);
  assert.deepEqual(explain(next, []), []);
});

describe('progress', () => {
  const row: StationRow = {
    station: 'weigh',
    kind: 'transformer',
    state: 'running',
    received: 12_345,
    passed: 12_000,
    dropped: 300,
    rejected: 45,
    rate: 2_000,
    lag: 7,
  };

  test('a line for logs', () => {
    assert.equal(lineOf([row]), 'weigh 12,345 (2,000/s, lag 7, 45 rejected)');
    assert.equal(lineOf([{ ...row, state: 'paused', rejected: 0, lag: undefined }]), 'weigh 12,345 (2,000/s, paused)');
  });

  test('a table never wraps, whatever the terminal; columns go before text is cut', () => {
    const plain = painter(false);
    for (let columns = 10; columns < 120; columns += 7) {
      for (const line of linesOf([row, row], { columns, rows: 24 }, plain))
        assert.ok(line.length < columns, `${columns}: ${line}`);
    }
    assert.match(linesOf([row], { columns: 60, rows: 24 }, plain)[0] ?? '', /^STATION +STATE +RECEIVED/);
    const many = linesOf(
      Array.from({ length: 50 }, () => row),
      { columns: 100, rows: 12 },
      plain,
    );
    assert.equal(many.length, 10);
    assert.match(many.at(-1) ?? '', /42 more/);
  });

  test('the state is coloured, and its word stays', () => {
    assert.ok(
      linesOf([row], { columns: 120, rows: 24 }, painter(true))[1]?.includes(`transformer  ${ESC}[32mrunning${ESC}[0m`),
    );
  });

  test('a block is drawn over itself in one write, also after the terminal became narrower', () => {
    const writes: string[] = [];
    let resized = (): void => {};
    const terminal = {
      columns: 80,
      rows: 24,
      write: (text: string) => void writes.push(text),
      onResize: (call: () => void) => {
        resized = call;
        return () => {};
      },
    };
    const block = new LiveBlock(terminal);
    block.draw(['one', 'x'.repeat(70)]);
    block.draw(['two']);
    assert.ok(writes.at(-1)?.startsWith(`${ESC}[2A\r`) && writes.at(-1)?.endsWith(`two${ESC}[K\n${ESC}[J`));
    block.draw(['x'.repeat(70)]);
    terminal.columns = 40;
    resized();
    assert.ok(writes.at(-1)?.startsWith(`${ESC}[2A`), 'the wrapped line counts twice');
    block.above('said');
    assert.match(writes.at(-1) ?? '', /said.*\n.*x{70}/);
    block.close();
    assert.equal(writes.at(-1), `${ESC}[?25h`);
  });
});

describe('positions', () => {
  test('lag counts from the committed position, from the beginning without one, or nothing where the latest is the start', () => {
    const bounds = [
      { low: 10, high: 20 },
      { low: 0, high: 5 },
    ];
    assert.equal(
      lagBetween(
        new Map([
          [0, 15],
          [1, 5],
        ]),
        bounds,
        false,
      ),
      5,
    );
    assert.equal(
      lagBetween(
        new Map([
          [0, 15],
          [1, undefined],
        ]),
        bounds,
        false,
      ),
      10,
    );
    assert.equal(lagBetween(new Map(), bounds, true), 0);
  });

  test('stations stand in the order that records pass through them', async () => {
    const flow = await readFlow(TINY);
    const turned = { ...flow, stations: new Map([...flow.stations].reverse()) };
    assert.deepEqual(
      inOrder(turned).map(({ name }) => name),
      ['parcels', 'weigh', 'depot'],
    );
  });
});

test('a changed flow file: what is new, changed and gone, wherever it stands in the file', async () => {
  const before = await readFlow(TINY);
  const [parcels, weigh, depot] = [...before.stations.values()];
  assert.ok(parcels && weigh && depot);
  const after = new Map([
    ['weigh', { ...weigh, line: 99, place: 'elsewhere', timeoutMs: 5 }],
    ['parcels', { ...parcels, line: 98, place: 'elsewhere' }],
    ['second', { ...depot, name: 'second' }],
  ]);
  const { added, changed, gone } = differences(before, { ...before, stations: after });
  assert.deepEqual([added.map(({ name }) => name), changed, gone], [['second'], ['weigh'], ['depot']]);
});

test('peak memory is read from what the kernel tells', () => {
  const status = 'Name:\tnode\nVmHWM:\t  150000 kB\nVmRSS:\t  100000 kB\n';
  assert.deepEqual(parseStatus(status), { now: 102_400_000, peak: 153_600_000 });
  assert.equal(parseStatus(''), undefined);
});

test('a process that leaks is larger in the second half of its run', () => {
  assert.deepEqual(halvesOf([100, 100, 100, 100, 100]), [100, 100]);
  assert.deepEqual(halvesOf([100, 200, 300, 400]), [150, 350]);
  assert.equal(halvesOf([100]), undefined);
});
