/** The process apart: judges the records it is sent, one by one, and nothing of it remains, in a target neither. Run by probe.ts. */
import { readStation } from '@quadrille/flow';
import { InputRecord, stationGroup } from '@quadrille/record';
import { SECRET_VARIABLES } from './access.ts';
import { assembleJudge, needOwnSchemas, needTopics, topicsOf } from './assemble.ts';
import { readConfig } from './config.ts';
import { Control } from './control.ts';
import type { Intake } from './intake.ts';
import { connectKafka, KafkaAdmin, Outlet } from './kafka/index.ts';
import { createLog } from './log.ts';
import type { ProbeMessage } from './probe.ts';
import { Registry } from './registry.ts';
import { type Round, Slice } from './round.ts';
import { untilReady } from './until-ready.ts';

// A copy: what is taken out of the environment next is read again for each connection.
const config = readConfig({ ...process.env });
for (const name of SECRET_VARIABLES) delete process.env[name];
const log = createLog({ station: config.station, instance: `${config.instance}.probe` }, config.logLevel);
process.once('disconnect', () => process.exit(0));
if (process.connected === false) process.exit(0);

const { flow, station: spec } = await readStation(config.flow, config.station);
const kafka = connectKafka(
  {
    brokers: config.brokers,
    access: config.kafkaAccess,
    clientId: `${config.instance}.probe`,
    reader: stationGroup(flow.name, spec.name),
    sessionTimeoutMs: config.sessionTimeoutMs,
  },
  log,
);
const admin = new KafkaAdmin(kafka);
const outlet = new Outlet(kafka);
const registry = new Registry(config.registryUrl, config.registryAccess);
const onDead = (): never => process.exit(1);
const control = new Control(kafka, {
  flow: flow.name,
  station: `${spec.name}.probe`,
  sessionTimeoutMs: config.sessionTimeoutMs,
  log,
  changed: () => {},
  onDead,
});
await needOwnSchemas(registry);
const partitions = await needTopics(admin, outlet, topicsOf(flow, spec));
await control.start(admin);
const never = new Promise<string>(() => {});
const judge = await assembleJudge(
  { config, flow, spec, kafka, admin, outlet, registry, control, log, partitions, onDead },
  undefined,
);
await untilReady(() => judge.open(), log, never);

/** Records that wait for a lookup survive, which is all that is asked here. */
const nowhere = { epoch: 0, draining: false, canGiveBack: true, giveBack: () => {} } as unknown as Intake;

process.on('message', (message: ProbeMessage) => {
  const { topic, partition, offset, timestamp, key, bytes, header, headers } = message;
  const record = new InputRecord(
    topic,
    partition,
    offset,
    timestamp,
    buffer(key),
    buffer(bytes),
    buffer(header) ?? undefined,
    headers,
  );
  const round: Round = {
    epoch: 0,
    slices: [new Slice(topic, partition, offset, [record], false)],
    records: 1,
    startedAt: 0,
  };
  void untilReady(() => judge.judge(round, nowhere, true), log, never).then(() => process.send?.('judged'));
});
process.send?.('ready');

/** Buffers arrive as plain byte arrays. */
function buffer(bytes: Uint8Array | null | undefined): Buffer | null {
  return bytes == null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
