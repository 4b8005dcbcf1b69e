/** What every source must hold to within a real extractor on a real Kafka: run over each type in a `.kafka.test.ts`. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { DLQ, deadLetterTopic, FAULT, HEADER, packHeader, unpackHeader } from '@quadrille/record';
import {
  assertBalanced,
  type FlowFixture,
  flowFixture,
  noServers,
  records,
  type StationProcess,
  startStation,
  until,
} from '../harness/index.ts';
import { say } from '../station/orders.ts';
import { encoded } from '../station/sample.ts';
import { describe, test } from './registration.ts';

/** So many good items there are, `r0` and so on: enough for many rounds. */
export const ITEMS = 6_000;

export interface SourceStationFixture {
  /** The source type. */
  name: string;
  /** Why it is not run here. */
  skip?: string | undefined;
  /** What stands under `extractor`; `FLOW` becomes the flow's name. */
  extractor: string;
  /**
   * Puts down `ITEMS` good items with the fields `id` ("r0" …) and `n` (a whole number), and the bad ones.
   * @returns what is to end with the flow.
   */
  prepare(flow: FlowFixture): Promise<(() => Promise<void>) | undefined>;
  /** Resolves when the source has everything: of one that is called, when the callers have their answers. */
  everything?(flow: FlowFixture): Promise<void>;
  /** The bad ones; an empty list with a reason in `cannot`. */
  bad: readonly { code: string; place: RegExp }[];
  cannot?: { 'bad items'?: string };
  env?: (flow: FlowFixture) => Record<string, string>;
}

const DYING = fileURLToPath(new URL('../station/dying-extractor.ts', import.meta.url));

const READ = {
  type: 'record',
  name: 'Read',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int' },
  ],
};

/** Registers the tests of a source in its station. */
export function sourceStationConformance(fixture: SourceStationFixture): void {
  const { bad, cannot = {} } = fixture;
  const check = (name: string, body: (flow: FlowFixture) => Promise<void>, lacking?: string): void => {
    test(name, { timeout: 120_000, lacking }, async () => {
      await using flow = await flowFixture({
        files: {
          'flow.yaml': `flow: FLOW\ntopics: { FLOW.read: { partitions: 2 } }\nstations:\n  read:\n    extractor: ${fixture.extractor}\n    to: FLOW.read\n    round: { records: 200 }\n    stopTheLine: off\n`,
        },
        schemas: { 'FLOW.read': READ },
      });
      const end = await fixture.prepare(flow);
      if (end !== undefined) flow.atEnd(end);
      await body(flow);
    });
  };
  const start = (flow: FlowFixture): Promise<StationProcess> => startStation(flow, 'read', fixture.env?.(flow));

  const untilRead = async (flow: FlowFixture, station: StationProcess): Promise<void> => {
    await fixture.everything?.(flow);
    await station.until(({ exhausted }) => exhausted === true);
  };

  /** Everything is there, each once but for duplicates that the ledger knows of, and each with one version. */
  async function whole(flow: FlowFixture): Promise<void> {
    const { stations, ends, drained } = await assertBalanced(flow);
    assert.equal(stations.read?.passed, ITEMS);
    assert.equal(stations.read?.rejected, bad.length);
    const out = ends.find(({ topic }) => topic === flow.text('FLOW.read'))!;
    assert.deepEqual([out.claimed, out.stray, out.provisional, drained], [ITEMS, 0, 0, true]);
    const versions = new Map<string, bigint>();
    for (const { key, headers } of await records(flow, 'FLOW.read')) {
      const { id, version } = unpackHeader(headers[HEADER]!, key);
      assert.equal(versions.get(id) ?? version, version, `${id} has two versions`);
      versions.set(id, version);
    }
    assert.equal(versions.size, ITEMS);
  }

  const skip = fixture.skip ?? noServers;
  describe('source in its station', fixture.name, skip === false ? {} : { skip }, () => {
    check(
      'killed when records are sent, and when they are written down: nothing is lost, what comes twice is known',
      async (flow) => {
        for (const die of ['before-ledger:3', 'before-commit:4', 'before-ledger:1']) {
          const env = { ...fixture.env?.(flow), DIE: die };
          const dying = await startStation(flow, 'read', env, DYING);
          assert.equal((await dying.exited).signal, 'SIGKILL', die);
        }
        await using station = await start(flow);
        await untilRead(flow, station);
        await whole(flow);
        const made = await records(flow, 'FLOW.read');
        assert.ok(made.length > ITEMS, 'no attempt has left anything: it was not killed where it should have been');
        const { text } = await station.get('/metrics');
        assert.match(text, /quadrille_last_progress_timestamp_seconds\{[^}]*\} 1\d{9}/);
      },
    );

    check('paused and stopped in order it takes no more; started and resumed it goes on where it was', async (flow) => {
      const first = await start(flow);
      await first.until(({ totals }) => totals.rounds >= 1);
      await say(flow, { kind: 'pause', station: 'read' });
      await first.until(({ state }) => state === 'paused');
      assert.equal((await first.stop()).code, 0);
      await using second = await start(flow);
      await second.until(({ state }) => state === 'paused');
      assert.equal(second.status!.totals.received, 0);
      await say(flow, { kind: 'resume', station: 'read' });
      await untilRead(flow, second);
      await whole(flow);
    });

    check(
      'bad items are dead letters with bytes and place; a corrected one comes back with its version',
      async (flow) => {
        await using station = await start(flow);
        await untilRead(flow, station);
        const dead = await records(flow, deadLetterTopic('FLOW.read'));
        if (bad.length === 0) {
          assert.ok(cannot['bad items'] !== undefined, 'neither bad items nor a reason why there are none');
          assert.equal(dead.length, 0);
          return;
        }
        const found = dead.map(({ headers, value }) => {
          assert.ok(value !== null && value.length > 0, 'a dead letter without bytes');
          assert.equal(headers[`${DLQ}topic`]?.toString(), flow.text('positions.FLOW.read'));
          return { code: headers[`${FAULT}code`]!.toString(), place: headers[`${FAULT}place`]!.toString() };
        });
        for (const { code, place } of bad)
          assert.ok(
            found.some((letter) => letter.code === code && place.test(letter.place)),
            `no ${code} at ${place} in ${JSON.stringify(found)}`,
          );
        assert.equal(found.length, bad.length);

        const [letter] = dead;
        const before = unpackHeader(letter!.headers[HEADER]!, letter!.key);
        const [corrected] = await encoded(flow, 'FLOW.read', [{ id: 'corrected', n: 1 }]);
        const envelope = { ...before, revision: 1, replay: `${flow.name}-1` };
        await flow.clients.producer.send({
          topic: flow.text('replay.FLOW.read'),
          acks: -1,
          messages: [
            {
              key: letter!.key,
              value: corrected!.value,
              partition: 0,
              headers: { ...letter!.headers, [HEADER]: packHeader(envelope, false) },
            },
          ],
        });
        const made = await until('the corrected item is there', async () =>
          (await records(flow, 'FLOW.read')).find(({ headers }) => headers[HEADER]!.readUInt32BE(14) === 1),
        );
        const { version, revision } = unpackHeader(made.headers[HEADER]!, made.key);
        assert.deepEqual([version, revision], [before.version, 1]);
        await until('balanced', async () => (await assertBalanced(flow)).stations.read!.replays.received === 1);
      },
      cannot['bad items'],
    );
  });
}
