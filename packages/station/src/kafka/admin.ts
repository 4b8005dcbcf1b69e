/** What the engine asks Kafka about topics and groups. Numbers, not the protocol's strings. */
import { Fault } from '@quadrille/record';
import type { Admin, Kafka } from 'kafkajs';
import type { Acl } from '../acls.ts';
import { deniedFault, isTopicUnknown } from './faults.ts';

export interface TopicSpec {
  topic: string;
  partitions: number;
  config: Record<string, string>;
}

export interface Committed {
  partition: number;
  /** undefined: the group has no position here. */
  offset: number | undefined;
  metadata: string;
}

export interface Bounds {
  /** First offset that is still there. */
  low: number;
  /** Offset after the last record. */
  high: number;
}

/** Numbers of Kafka's protocol: ResourceType, PatternType, AclOperation and AclPermissionType of org.apache.kafka.common. */
const RESOURCES = { topic: 2, group: 3 } as const;
const PATTERNS = { literal: 3, prefixed: 4 } as const;
const OPERATIONS = { Read: 3, Write: 4, Create: 5, Describe: 8, DescribeConfigs: 10 } as const;
const ALLOW = 3;

/** Kafka's error codes. */
const NON_EMPTY_GROUP = 68;
const GROUP_ID_NOT_FOUND = 69;

const LEADERS_MS = 15_000;
const LEADERS_WAIT_MS = 100;

const PATIENCE_MS = 10_000;

/** Asks again while the answer is one that passes by itself: the client does not, and a fresh broker gives it for seconds. */
async function patiently<T>(ask: () => Promise<T>, isHopeless = (_: unknown): boolean => false): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (isHopeless(error) || (error as { retriable?: boolean }).retriable !== true || Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A topic that the client has been asked for is gone: it is told so for every other, or stumbles over the hole. */
const isSpoilt = (error: unknown): boolean => isTopicUnknown(error) || error instanceof TypeError;

/** For `catch`. @throws Fault ACL_MISSING where the error is one of missing rights, else the error itself. */
const refused =
  (what: string) =>
  (error: unknown): never => {
    throw deniedFault(error, what) ?? error;
  };

export class KafkaAdmin {
  private readonly kafka: Kafka;
  private admin: Admin;
  private connected: Promise<void> | undefined;

  constructor(kafka: Kafka) {
    this.kafka = kafka;
    this.admin = this.client();
  }

  private client(): Admin {
    return this.kafka.admin({ retry: { initialRetryTime: 100, retries: 6 } });
  }

  private async ready(): Promise<Admin> {
    this.connected ??= this.admin.connect().catch((error) => {
      this.connected = undefined;
      throw error;
    });
    await this.connected;
    return this.admin;
  }

  /** Patiently; with a new client once a topic that this one was asked for before is gone: it would answer for no other. */
  private async asked<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const used = await this.ready();
    try {
      return await patiently(() => ask(used), isSpoilt);
    } catch (error) {
      if (!isSpoilt(error)) throw error;
      if (this.admin === used) {
        this.admin = this.client();
        this.connected = undefined;
        await used.disconnect().catch(() => {});
      }
      const fresh = await this.ready();
      return patiently(() => ask(fresh));
    }
  }

  /** The group's positions on a topic, with the metadata committed beside them. Sorted by partition. */
  async committed(group: string, topic: string): Promise<Committed[]> {
    const [answer] = await this.asked((admin) => admin.fetchOffsets({ groupId: group, topics: [topic] })).catch(
      refused(`see positions of group ${group} on topic ${topic}`),
    );
    return (answer?.partitions ?? [])
      .map(({ partition, offset, metadata }) => ({
        partition,
        offset: Number(offset) < 0 ? undefined : Number(offset),
        metadata: metadata ?? '',
      }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** Low and high watermark by partition. @throws when the topic does not exist. */
  async bounds(topic: string): Promise<Bounds[]> {
    const offsets = await this.asked((admin) => admin.fetchTopicOffsets(topic)).catch(refused(`see topic ${topic}`));
    const bounds: Bounds[] = [];
    for (const { partition, low, high } of offsets) bounds[partition] = { low: Number(low), high: Number(high) };
    return bounds;
  }

  /**
   * By partition, the first offset whose record's timestamp is at or after `timestamp` (ms since the epoch); the end of the
   * partition where there is none. @throws when the topic does not exist.
   */
  async offsetsAt(topic: string, timestamp: number): Promise<number[]> {
    const offsets: number[] = [];
    for (const { partition, offset } of await this.asked((admin) =>
      admin.fetchTopicOffsetsByTimestamp(topic, timestamp),
    ))
      offsets[partition] = Number(offset);
    return offsets;
  }

  /** Number of partitions of each topic that exists. */
  async partitions(topics: readonly string[]): Promise<Map<string, number>> {
    const admin = await this.ready();
    const existing = new Set(await admin.listTopics());
    const wanted = topics.filter((topic) => existing.has(topic));
    if (wanted.length === 0) return new Map();
    const { topics: metadata } = await this.asked((asked) => asked.fetchTopicMetadata({ topics: wanted }));
    return new Map(metadata.map(({ name, partitions }) => [name, partitions.length]));
  }

  /** @throws Fault ACL_MISSING for the first of these topics that the brokers hide from this user. */
  async needRights(topics: readonly string[]): Promise<void> {
    const admin = await this.ready();
    for (const topic of topics) {
      await admin.fetchTopicMetadata({ topics: [topic] }).catch((error) => {
        const denied = deniedFault(error, `see topic ${topic}`);
        if (denied !== undefined) throw denied;
      });
    }
  }

  /** Those that this user may see. */
  async listTopics(): Promise<string[]> {
    return (await (await this.ready()).listTopics()).sort();
  }

  /** One setting of a topic as the broker has it, defaults included. */
  async setting(topic: string, name: string): Promise<string | undefined> {
    const admin = await this.ready();
    const { resources } = await admin
      .describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic, configNames: [name] }] })
      .catch(refused(`see the settings of topic ${topic}`));
    return resources[0]?.configEntries.find((entry) => entry.configName === name)?.configValue;
  }

  /** Creates those that are absent; leaves the others as they are. */
  async createTopics(specs: readonly TopicSpec[], replication: number): Promise<void> {
    const admin = await this.ready();
    const existing = new Set(await admin.listTopics());
    const absent = specs.filter((spec) => !existing.has(spec.topic));
    if (absent.length === 0) return;
    const creating = admin.createTopics({
      // The client's own waiting gives up when the broker asked has not heard of the topic yet.
      waitForLeaders: false,
      timeout: 15_000,
      topics: absent.map(({ topic, partitions, config }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replication,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    });
    await creating.catch(refused(`create topics ${absent.map(({ topic }) => topic).join(', ')}`));
    await this.leadersOf(absent.map(({ topic }) => topic));
  }

  /** Grants what is not granted yet, from any host. @throws Fault ACL_MISSING when this user may not alter ACLs. */
  async grant(acls: readonly Acl[]): Promise<void> {
    const entries = acls.flatMap(({ principal, resource: { type, name, pattern }, operations }) =>
      operations.map((operation) => ({
        resourceType: RESOURCES[type],
        resourceName: name,
        resourcePatternType: PATTERNS[pattern],
        principal,
        host: '*',
        operation: OPERATIONS[operation],
        permissionType: ALLOW,
      })),
    );
    const admin = await this.ready();
    await admin.createAcls({ acl: entries }).catch(refused('alter ACLs'));
  }

  /** Resolves once every partition of these topics has a leader. @throws after 15 s. */
  private async leadersOf(topics: string[]): Promise<void> {
    const admin = await this.ready();
    for (let left = LEADERS_MS; ; left -= LEADERS_WAIT_MS) {
      try {
        const { topics: known } = await admin.fetchTopicMetadata({ topics });
        if (known.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)))
          return;
        if (left <= 0) throw new Error(`no leaders yet for ${topics.join(', ')}`);
      } catch (error) {
        if (left <= 0 || (error as { retriable?: boolean }).retriable === false) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, LEADERS_WAIT_MS));
    }
  }

  async brokers(): Promise<number> {
    return (await (await this.ready()).describeCluster()).brokers.length;
  }

  /** Members of a group, by client id, with the number of partitions each holds; and its state. */
  async describeGroup(group: string): Promise<{ state: string; members: { clientId: string; memberId: string }[] }> {
    const { groups } = await (await this.ready()).describeGroups([group]).catch(refused(`see group ${group}`));
    return {
      state: groups[0]?.state ?? 'Unknown',
      members: (groups[0]?.members ?? []).map(({ clientId, memberId }) => ({ clientId, memberId })),
    };
  }

  /** Consumer groups that have members now. */
  async activeGroups(): Promise<string[]> {
    const admin = await this.ready();
    const { groups } = await admin.listGroups();
    if (groups.length === 0) return [];
    const described = await admin.describeGroups(groups.map(({ groupId }) => groupId));
    return described.groups.filter(({ members }) => members.length > 0).map(({ groupId }) => groupId);
  }

  /** Deletes groups with their positions; those that are absent count as deleted. @throws Fault STATION_RUNNING: one has members */
  async deleteGroups(groups: readonly string[]): Promise<void> {
    for (const group of groups) {
      try {
        await this.asked((admin) => admin.deleteGroups([group]));
      } catch (error) {
        const [refused] = (error as { groups?: { errorCode: number }[] }).groups ?? [];
        if (refused?.errorCode === NON_EMPTY_GROUP) throw new Fault('STATION_RUNNING', `group ${group}`);
        if (refused?.errorCode !== GROUP_ID_NOT_FOUND) throw error;
      }
    }
  }

  /** Deletes topics with all that stands in them; those that are absent count as deleted. */
  async deleteTopics(topics: readonly string[]): Promise<void> {
    const admin = await this.ready();
    const existing = new Set(await admin.listTopics());
    const there = topics.filter((topic) => existing.has(topic));
    if (there.length > 0) await admin.deleteTopics({ topics: there });
  }

  async close(): Promise<void> {
    if (this.connected === undefined) return;
    this.connected = undefined;
    await this.admin.disconnect();
  }
}
