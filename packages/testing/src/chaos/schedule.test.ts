import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from './options.ts';
import { drawSchedule, type ScheduleOptions } from './schedule.ts';

const options: ScheduleOptions = {
  seed: 7,
  victims: { extractor: 'reported', transformer: 'qualify', enricher: 'locate', loader: 'warehouse' },
  brokers: 1,
  short: false,
  only: KINDS,
  sessionTimeoutMs: 6_000,
};

test('a seed replays its schedule, another seed gives another', () => {
  assert.deepEqual(drawSchedule(options), drawSchedule(options));
  assert.notDeepEqual(drawSchedule(options), drawSchedule({ ...options, seed: 8 }));
});

test('each kind of station is killed three times, two become zombies, two get company, every server goes away', () => {
  for (let seed = 0; seed < 200; seed++) {
    const all = drawSchedule({ ...options, seed });
    const of = (kind: string) => all.filter((each) => each.kind === kind);
    for (const station of Object.values(options.victims)) {
      assert.equal(of('kill').filter((each) => each.station === station).length, 3);
    }
    assert.equal(new Set(of('pause').map((each) => each.station)).size, 2);
    assert.ok(of('pause').every((each) => each.forMs > 7_900));
    assert.deepEqual(
      of('join')
        .map((each) => each.station)
        .sort(),
      ['qualify', 'warehouse'],
    );
    assert.deepEqual([of('broker').length, of('registry').length, of('database').length], [2, 1, 2]);
    assert.ok(all.every(({ at }) => at > 0 && at < 0.85));
  }
});

test('the short form falls in the first half, and a station is killed before another takes part in its work', () => {
  for (let seed = 0; seed < 200; seed++) {
    const all = drawSchedule({ ...options, seed, short: true });
    assert.ok(all.every(({ at }) => at > 0 && at <= 0.45));
    for (const long of all.filter(({ kind }) => kind === 'pause' || kind === 'join')) {
      const kills = all.filter(({ kind, station }) => kind === 'kill' && station === long.station);
      assert.ok(kills.length > 0 && kills.every(({ at }) => at < long.at), `seed ${seed}`);
    }
  }
});

test('three brokers: their leaders are moved, and any of them goes away', () => {
  const hurt = new Set<number>();
  for (let seed = 0; seed < 50; seed++) {
    const all = drawSchedule({ ...options, seed, brokers: 3 });
    assert.equal(all.filter(({ kind }) => kind === 'leaders').length, 3);
    for (const { broker } of all) hurt.add(broker);
  }
  assert.deepEqual([...hurt].sort(), [0, 1, 2]);
});

test('what --only leaves out changes nothing else', () => {
  const kills = drawSchedule(options).filter(({ kind }) => kind === 'kill');
  assert.deepEqual(drawSchedule({ ...options, only: ['kill'] }), kills);
});
