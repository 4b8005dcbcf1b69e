/** What is wrong with the topics a flow finds: settings that would lose records, or hide them from the ledger. */
import type { Flow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { type KafkaAdmin, type TopicSpec, topicsOfFlow } from '@quadrille/station';

const SETTINGS = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'message.timestamp.type',
] as const;

/** What is there, what is not, and what is wrong: TOPIC_SETTINGS, one per setting. Absent topics are no finding, but external ones. */
export async function inspectTopics(
  admin: KafkaAdmin,
  flow: Flow,
): Promise<{ findings: Fault[]; present: number; absent: number }> {
  const wanted = topicsOfFlow(flow);
  const external = [...flow.topics.values()].filter((topic) => topic.external).map(({ name }) => name);
  const there = await admin.partitions([...wanted.map(({ topic }) => topic), ...external]);
  const present = wanted.filter(({ topic }) => there.has(topic));
  const findings = await Promise.all(
    present.map(async (spec) => {
      const values = await Promise.all(SETTINGS.map((name) => admin.setting(spec.topic, name)));
      const settings = Object.fromEntries(SETTINGS.map((name, at) => [name, values[at]]));
      return settingFindings(spec, settings, there.get(spec.topic)!, flow.topics.has(spec.topic));
    }),
  );
  for (const topic of external) {
    if (!there.has(topic))
      findings.push([
        fault(
          topic,
          'it is external, and not there',
          'let its owner create it, or take `external` out of the flow file',
        ),
      ]);
  }
  return { findings: findings.flat(), present: present.length, absent: wanted.length - present.length };
}

const fault = (topic: string, what: string, help: string): Fault =>
  new Fault('TOPIC_SETTINGS', what, { place: topic, help });

/**
 * @param settings as the broker has them; what it does not tell is not judged.
 * @param isData a topic of the flow file, whose partitions are declared.
 */
export function settingFindings(
  { topic, partitions, config }: TopicSpec,
  settings: Readonly<Record<string, string | undefined>>,
  actual: number,
  isData: boolean,
): Fault[] {
  const faults: Fault[] = [];
  const say = (what: string, help: string): void => void faults.push(fault(topic, what, help));
  const alter = (name: string, value: string): string =>
    `kafka-configs --alter --topic ${topic} --add-config ${name}=${value}`;
  const has = (name: (typeof SETTINGS)[number]): string | undefined => settings[name];
  if (isData && actual !== partitions) {
    say(
      `it has ${actual} partitions, the flow file says ${partitions}`,
      `write \`partitions: ${actual}\` in the flow file, or use a new topic: keys do not move to added partitions`,
    );
  }
  const policy = config['cleanup.policy'] ?? 'delete';
  const actualPolicy = has('cleanup.policy');
  if (actualPolicy !== undefined && actualPolicy !== policy)
    say(`its cleanup.policy is ${actualPolicy}, not ${policy}`, alter('cleanup.policy', policy));
  for (const name of ['retention.ms', 'retention.bytes'] as const) {
    const value = has(name);
    if (config[name] === '-1' && value !== undefined && value !== '-1')
      say(`its records expire: ${name} is ${value}`, alter(name, '-1'));
  }
  const least = config['max.message.bytes'];
  const bytes = has('max.message.bytes');
  if (least !== undefined && bytes !== undefined && Number(bytes) < Number(least)) {
    say(`its max.message.bytes is ${bytes}, ${least} is needed`, alter('max.message.bytes', least));
  }
  const stamp = has('message.timestamp.type');
  if (stamp !== undefined && stamp !== 'CreateTime') {
    say(
      `its message.timestamp.type is ${stamp}: the times of records are lost`,
      alter('message.timestamp.type', 'CreateTime'),
    );
  }
  return faults;
}
