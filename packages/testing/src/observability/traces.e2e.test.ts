import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic, replayTopic } from '@quadrille/record';
import { guardAgainstLeaks, noServers, records, until } from '../harness/index.ts';
import { startChain } from './chain.ts';
import { type CollectedSpan, startCollector } from './collector.ts';

guardAgainstLeaks();

const CLIENT_KINDS = { internal: 1, producer: 4, consumer: 5 } as const;

test('a record’s way through three stations is one trace; a replay has a trace of its own, linked to the original', {
  skip: noServers,
}, async () => {
  await using collector = await startCollector();
  await using chain = await startChain(['secret-a,pass,1', 'secret-b,reject,2', 'secret-c,pass,secret-n'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20for-collectors',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '100',
    QUADRILLE_LOG: 'warn',
  });
  const { name } = chain.flow;
  const { spans } = collector;
  await chain.settled({ read: 3, judge: 2, store: 1 });
  const traceparentOf = async (topic: string, is: (key: string | undefined) => boolean): Promise<string[]> => {
    const record = (await records(chain.flow, topic)).find(({ key }) => is(key?.toString()));
    return /^00-([\da-f]{32})-([\da-f]{16})-01$/.exec(String(record?.headers.traceparent))?.slice(1) ?? [];
  };
  const found = (what: string, is: (span: CollectedSpan) => boolean): Promise<CollectedSpan> =>
    until(
      what,
      async () => spans.find(is),
      30_000,
      () => JSON.stringify(spans.map((span) => [span.name, span.attributes])),
    );
  const of = (traceId: string | undefined, service: string) => (span: CollectedSpan) =>
    span.traceId === traceId && span.resource['service.name'] === service;

  // Through all three.
  const [traceId] = await traceparentOf('FLOW.read', (key) => key === 'secret-a');
  const read = await found('the extractor’s span', of(traceId, `${name}.read`));
  const judge = await found('the transformer’s span', of(traceId, `${name}.judge`));
  const store = await found('the loader’s span', of(traceId, `${name}.store`));
  assert.deepEqual(
    [read, judge, store].map((span) => [span.name, span.kind, span.attributes['quadrille.verdict'], span.status]),
    [
      [`create ${name}.read`, CLIENT_KINDS.producer, 'pass', 0],
      [`process ${name}.read`, CLIENT_KINDS.consumer, 'pass', 0],
      [`process ${name}.out`, CLIENT_KINDS.consumer, 'pass', 0],
    ],
  );
  assert.deepEqual([read.parentSpanId, judge.parentSpanId, store.parentSpanId], ['', read.spanId, judge.spanId]);
  assert.equal(store.attributes['quadrille.outcome'], 'written');
  assert.equal(judge.attributes['messaging.consumer.group.name'], `${name}.judge`);
  assert.equal(judge.attributes['messaging.system'], 'kafka');
  assert.equal(judge.attributes['quadrille.station'], 'judge');
  assert.ok(judge.start <= judge.end && judge.end - judge.start < 60_000_000_000n);

  // The round that it came in, with what it consists of.
  const round = await found('the round', ({ spanId }) => judge.links.some((link) => link.spanId === spanId));
  assert.equal(round.name, `round ${name}.read`);
  assert.notEqual(round.traceId, traceId);
  assert.ok(round.links.some(({ spanId }) => spanId === judge.spanId));
  for (const step of ['judge', 'settle']) {
    const below = await found(step, (span) => span.name === step && span.parentSpanId === round.spanId);
    assert.ok(below.kind === CLIENT_KINDS.internal && below.start >= round.start && below.end <= round.end);
  }

  // A rejection, and what its replay leads to.
  const [rejectedId] = await traceparentOf(deadLetterTopic(`${name}.read`), (key) => key === 'secret-b');
  const rejected = await found('the rejection', of(rejectedId, `${name}.judge`));
  assert.equal(rejected.status, 2);
  assert.deepEqual([rejected.attributes['quadrille.code'], rejected.statusMessage], ['TOO_BAD', 'TOO_BAD']);
  const letters = await chain.letters(2);
  const letter = letters.find(({ station }) => station === 'judge');
  const { id } = await chain.service!.replay({ deadLetters: { ids: [letter!.id] }, reason: 'test' });
  const replay = await found('the replay', (span) => span.attributes['quadrille.replay'] === id);
  assert.equal(replay.name, `replay ${replayTopic(name, 'judge')}`);
  assert.equal(replay.parentSpanId, '');
  assert.notEqual(replay.traceId, rejectedId);
  assert.deepEqual(
    replay.links.map((link) => link.traceId),
    [rejectedId],
  );
  const again = await found('the verdict on the replay', of(replay.traceId, `${name}.judge`));
  assert.equal(again.parentSpanId, replay.spanId);
  assert.equal(again.attributes['messaging.consumer.group.name'], `${name}.judge.replay`);

  // A raw item that could not become a record.
  const [rawId] = await traceparentOf(deadLetterTopic(`${name}.read`), (key) => key === undefined);
  const raw = await found('the raw item', of(rawId, `${name}.read`));
  assert.equal(raw.attributes['quadrille.code'], 'FIELD_INVALID');

  assert.deepEqual([...collector.authorizations], ['Bearer for-collectors']);
  assert.doesNotMatch(
    JSON.stringify(spans, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    /secret-/,
  );
});
