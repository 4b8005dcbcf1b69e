/** Holds a fold against the oracle: every sum, every verdict, every claim. */
import assert from 'node:assert/strict';
import { deadLetterTopics, inputTopic } from '../classify.ts';
import type { RecordVerdict } from '../verdict-at.ts';
import { FLOW, TOPICS } from './flow.ts';
import type { Observation } from './observe.ts';
import { Oracle, type Truth } from './oracle.ts';
import type { World } from './world.ts';

export function compare(world: World, { fold, read }: Observation): void {
  const oracle = new Oracle(world);
  const result = fold.reconcile();
  const told = result.findings.map((finding) => finding.text).join('\n');
  assert.equal(result.balanced, !oracle.lost, told || 'the fold found nothing wrong');
  assert.equal(result.unaccounted === 0, result.balanced);

  for (const [record, what] of read) {
    assert.equal(what, oracle.what(record), `${record.topic}[${record.partition}]@${record.offset}`);
  }
  for (const station of world.shape.stations) {
    const edge = result.edges.find((each) => each.station === station.name);
    if (station.from !== undefined) {
      const { topic, station: name, ...sums } = edge as NonNullable<typeof edge>;
      assert.deepEqual(sums, { ...oracle.contents(topic), ...oracle.work(station) }, `edge ${topic} to ${name}`);
    }
    for (const topic of deadLetterTopics(station)) {
      const {
        records: _,
        topic: __,
        ...sums
      } = result.ends.find((end) => end.topic === topic) as (typeof result.ends)[number];
      assert.deepEqual(sums, oracle.contents(topic), `end ${topic}`);
    }
    const totals = { pass: 0, drop: 0, reject: 0 };
    const input = inputTopic(FLOW, station);
    for (let partition = 0; partition < (TOPICS[input] as number); partition++) {
      const truth = oracle.of(station.name, partition);
      for (const { judged } of truth.verdicts.values()) if (judged !== 'expired') totals[judged.verdict]++;
      for (let offset = 0; offset < Math.max(truth.end, world.log(input, partition).records.length) + 2; offset++) {
        // Whether a record that compaction took would have passed, nobody can say.
        if (offset >= truth.start && offset < truth.end && !truth.verdicts.has(offset)) continue;
        compareVerdict(
          truth,
          offset,
          fold.verdictAt(station.name, input, partition, offset),
          `${station.name} on ${input}[${partition}]@${offset}`,
        );
      }
    }
    const sums = result.stations[station.name] as (typeof result.stations)[string];
    const passed = station.kind === 'loader' ? (sums.written as number) + (sums.unchanged as number) : sums.passed;
    assert.deepEqual({ pass: passed, drop: sums.dropped, reject: sums.rejected }, totals, station.name);
    assert.equal(sums.received, totals.pass + totals.drop + totals.reject, station.name);
  }
  for (const topic of new Set(
    world.shape.stations.flatMap((station) => [...station.to, ...deadLetterTopics(station)]),
  )) {
    for (const record of (world.logs.get(topic) ?? []).flatMap((log) => log.records)) {
      const ref = fold.claimantOf(topic, record.partition, record.offset)?.at.ref;
      const maker = ref === undefined ? null : world.ledger[ref.offset]?.attempts[ref.part];
      assert.equal(
        maker,
        oracle.what(record) === 'claimed' ? record.madeBy : null,
        `claimant of ${topic}@${record.offset}`,
      );
    }
  }
}

function compareVerdict(truth: Truth, offset: number, found: RecordVerdict, place: string): void {
  const true_ = truth.verdicts.get(offset);
  if (true_ === undefined) {
    assert.deepEqual(found, { verdict: 'none', why: offset < truth.start ? 'before start' : 'waiting' }, place);
  } else if (true_.judged === 'expired') {
    assert.deepEqual(found, { verdict: 'none', why: 'expired' }, place);
  } else {
    const { verdict, code } = true_.judged;
    assert.equal(found.verdict, verdict, place);
    if (found.verdict === 'drop' || found.verdict === 'reject') assert.equal(found.code, code, place);
    if (found.verdict === 'reject' && found.deadLetter !== null) {
      const { topic, offset: at } = found.deadLetter;
      const letter = [...true_.attempt.counted].find((record) => record.topic === topic && record.offset === at);
      assert.equal(letter?.origin?.offset, offset, `dead letter of ${place}`);
    }
  }
}
