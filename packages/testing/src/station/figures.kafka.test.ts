import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drained, guardAgainstLeaks, noServers, startStation, until } from '../harness/index.ts';
import { say } from './orders.ts';
import { feedItems, passing, sampleFlow } from './sample.ts';

guardAgainstLeaks();

/** Of conventions.md, those that a station has by itself; dead letters open and replays are the replay service's. */
const NAMES = [
  'records_received_total',
  'records_sent_total',
  'records_dropped_total',
  'records_duplicate_total',
  'record_faults_total',
  'dead_letters_total',
  'dead_letter_write_failures_total',
  'batch_duration_seconds',
  'judge_duration_seconds',
  'settle_duration_seconds',
  'end_to_end_seconds',
  'consumer_lag_records',
  'consumer_lag_seconds',
  'last_progress_timestamp_seconds',
  'inflight_records',
  'rebalances_total',
  'retries_total',
  'commits_total',
  'replay_records_total',
  'target_records_total',
  'station_state',
  'build_info',
];

test('/metrics has the figures by name, without a record in a label; /live, /ready and /status say how it is', {
  skip: noServers,
}, async () => {
  await using flow = await sampleFlow();
  await using station = await startStation(flow, 'judge');
  await until('its endpoint answers', async () => (await station.get('/live').catch(() => undefined))?.status === 200);
  await station.running();
  assert.equal((await station.get('/ready')).status, 200);
  await feedItems(flow, 'FLOW.in', [...passing(5), { id: 'secret-id', does: 'reject' }, { id: 'd', does: 'drop' }]);
  await drained(flow, 'judge');
  await station.until(({ totals }) => totals.passed + totals.rejected + totals.dropped === 7);

  const { text } = await station.get('/metrics');
  for (const name of NAMES) assert.match(text, new RegExp(`^# TYPE quadrille_${name} `, 'm'), name);
  const labels = `flow="${flow.name}",station="judge"`;
  const value = (name: string): number => {
    const line = text.split('\n').find((each) => each.startsWith(`quadrille_${name}`));
    return Number(line?.slice(line.lastIndexOf(' ')));
  };
  assert.equal(value(`records_received_total{${labels}}`), 7);
  assert.equal(value(`records_sent_total{${labels}}`), 5);
  assert.equal(value(`records_dropped_total{${labels}}`), 1);
  assert.equal(value(`dead_letters_total{${labels}}`), 1);
  assert.match(text, /quadrille_record_faults_total\{[^}]*code="TOO_BAD"[^}]*\} 1/);
  assert.match(text, /quadrille_station_state\{[^}]*state="running"[^}]*\} 1/);
  assert.match(text, /quadrille_station_state\{[^}]*state="paused"[^}]*\} 0/);
  assert.equal(value(`end_to_end_seconds_count{${labels}}`) > 0, true, 'of records of another system, too');
  assert.equal(value(`inflight_records{${labels}}`), 0);
  assert.doesNotMatch(text, /secret-id/);

  await say(flow, { kind: 'pause', station: 'judge' });
  await station.until(({ state }) => state === 'paused');
  await feedItems(flow, 'FLOW.in', passing(9, 'late'));
  await until('what waits while the station is paused', async () => {
    const lines = (await station.get('/metrics')).text.split('\n');
    const lags = lines.filter((line) => /^quadrille_consumer_lag_records\{.*\.in"/.test(line));
    return lags.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0) === 9;
  });

  const status = JSON.parse((await station.get('/status')).text);
  assert.equal(status.kind, 'transformer');
  assert.equal(status.totals.rejected, 1);
});
