/**
 * What each process may do in Kafka, and no more: the rules of an authorizer that denies by default. A station's rights
 * follow from its entry in the flow file alone. Read and Write imply Describe (KIP-11), which is named only where it
 * stands by itself; nothing needs rights on the cluster, since neither transactions nor idempotent producers are used.
 */
import { type Flow, outputTopicsOf, referenceTopicsOf, type StationSpec } from '@quadrille/flow';
import {
  CONTROL_TOPIC,
  DECISIONS_TOPIC,
  deadLetterTopic,
  LEDGER_TOPIC,
  PREVIEW_TOPIC,
  positionsTopic,
  replayGroup,
  replayTopic,
  stationGroup,
} from '@quadrille/record';
import { topicsOf } from './assemble.ts';
import { topicsOfFlow } from './provision.ts';
import { stateTopicOf } from './state/topic.ts';

/** As Kafka and Strimzi spell them. */
export type AclOperation = 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs';

export interface Acl {
  /** `User:<flow>.<station>`, or one of the three of `SERVICE_USERS`. */
  principal: string;
  resource: { type: 'topic' | 'group'; name: string; pattern: 'literal' | 'prefixed' };
  /** In the order of `AclOperation`. */
  operations: AclOperation[];
}

/** Users beside the stations' own, the same for all flows; no flow may be called `quadrille`. */
export const SERVICE_USERS = {
  /** The replay service. */
  replay: 'quadrille.replay',
  /** Makes topics, when a flow is deployed. */
  provisioner: 'quadrille.provisioner',
  /** The command, for those who look at flows, pause and resume. */
  operator: 'quadrille.operator',
} as const;

const ORDER: readonly AclOperation[] = ['Read', 'Write', 'Create', 'Describe', 'DescribeConfigs'];

/** Stations in the order of the flow file, then the replay service, the provisioner and the operator. Pure. */
export function aclsOf(flow: Flow): Acl[] {
  const acls: Acl[] = [];
  for (const spec of flow.stations.values()) acls.push(...stationAcls(flow, spec));
  return [...acls, ...replayAcls(flow), ...provisionerAcls(flow), ...operatorAcls(flow)];
}

/** The rights of one user, gathered by resource. */
class Rights {
  readonly #principal: string;
  readonly #byResource = new Map<string, Acl>();

  constructor(user: string) {
    this.#principal = `User:${user}`;
  }

  topics(names: Iterable<string>, ...operations: AclOperation[]): this {
    for (const name of names) this.#add({ type: 'topic', name, pattern: 'literal' }, operations);
    return this;
  }

  group(name: string, ...operations: AclOperation[]): this {
    return this.#add({ type: 'group', name, pattern: 'literal' }, operations);
  }

  /** Groups whose names end at random: readers of whole topics. */
  groupsOf(prefix: string, ...operations: AclOperation[]): this {
    return this.#add({ type: 'group', name: `${prefix}.`, pattern: 'prefixed' }, operations);
  }

  #add(resource: Acl['resource'], operations: readonly AclOperation[]): this {
    const key = `${resource.type} ${resource.name} ${resource.pattern}`;
    const acl = this.#byResource.get(key) ?? { principal: this.#principal, resource, operations: [] };
    this.#byResource.set(key, acl);
    const all = new Set([...acl.operations, ...operations]);
    if (all.has('Read') || all.has('Write')) all.delete('Describe');
    acl.operations = ORDER.filter((operation) => all.has(operation));
    return this;
  }

  list(): Acl[] {
    return [...this.#byResource.values()];
  }
}

function stationAcls(flow: Flow, spec: StationSpec): Acl[] {
  const group = stationGroup(flow.name, spec.name);
  const rights = new Rights(group);
  const positions = positionsTopic(flow.name, spec.name);
  if (spec.kind !== 'extractor') rights.topics([spec.from], 'Read');
  if (spec.kind === 'enricher') rights.topics(referenceTopicsOf(spec), 'Read');
  rights.topics(outputTopicsOf(spec), 'Write');
  if (spec.kind === 'extractor') rights.topics([positions], 'Read', 'Write');
  const state = stateTopicOf(flow, spec);
  if (state !== undefined) rights.topics([state], 'Read', 'Write');
  return (
    rights
      .topics([deadLetterTopic(spec.kind === 'extractor' ? spec.to : spec.from)], 'Write')
      .topics([replayTopic(flow.name, spec.name)], 'Read')
      .topics([LEDGER_TOPIC, CONTROL_TOPIC], 'Read', 'Write')
      .topics([PREVIEW_TOPIC], 'Write')
      // How large a record a topic takes.
      .topics(topicsOf(flow, spec), 'DescribeConfigs')
      .group(group, 'Read')
      .groupsOf(group, 'Read')
      .list()
  );
}

function replayAcls(flow: Flow): Acl[] {
  const stations = [...flow.stations.values()];
  const rights = new Rights(SERVICE_USERS.replay)
    // Reconciling asks which topics are compacted.
    .topics([...flow.topics.keys(), ...deadLetterTopicsOf(flow)], 'Read', 'DescribeConfigs')
    .topics(
      stations.map(({ name }) => replayTopic(flow.name, name)),
      'Read',
      'Write',
      'DescribeConfigs',
    )
    .topics(positionTopicsOf(flow), 'Describe')
    .topics([LEDGER_TOPIC, PREVIEW_TOPIC], 'Read')
    .topics([CONTROL_TOPIC], 'Describe')
    .topics([DECISIONS_TOPIC], 'Read', 'Write');
  return describeGroups(rights, flow).groupsOf(SERVICE_USERS.replay, 'Read').list();
}

function provisionerAcls(flow: Flow): Acl[] {
  const external = [...flow.topics.values()].filter((topic) => topic.external).map(({ name }) => name);
  return new Rights(SERVICE_USERS.provisioner)
    .topics(
      topicsOfFlow(flow).map(({ topic }) => topic),
      'Create',
      'Describe',
      'DescribeConfigs',
    )
    .topics(external, 'Describe')
    .list();
}

function operatorAcls(flow: Flow): Acl[] {
  const rights = new Rights(SERVICE_USERS.operator)
    .topics([...flow.topics.keys(), ...deadLetterTopicsOf(flow)], 'Read', 'DescribeConfigs')
    .topics(
      [...flow.stations.keys()].map((name) => replayTopic(flow.name, name)),
      'Read',
      'DescribeConfigs',
    )
    .topics([...positionTopicsOf(flow), ...stateTopicsOf(flow)], 'Describe', 'DescribeConfigs')
    .topics([LEDGER_TOPIC, PREVIEW_TOPIC], 'Read', 'DescribeConfigs')
    .topics([CONTROL_TOPIC], 'Read', 'Write', 'DescribeConfigs')
    .topics([DECISIONS_TOPIC], 'Describe', 'DescribeConfigs');
  return describeGroups(rights, flow).groupsOf(SERVICE_USERS.operator, 'Read').list();
}

/** To ask how far the stations are. */
function describeGroups(rights: Rights, flow: Flow): Rights {
  for (const name of flow.stations.keys())
    rights.group(stationGroup(flow.name, name), 'Describe').group(replayGroup(flow.name, name), 'Describe');
  return rights;
}

const deadLetterTopicsOf = (flow: Flow): Set<string> =>
  new Set([...flow.stations.values()].map((spec) => deadLetterTopic(spec.kind === 'extractor' ? spec.to : spec.from)));

const positionTopicsOf = (flow: Flow): string[] =>
  [...flow.stations.values()]
    .filter(({ kind }) => kind === 'extractor')
    .map(({ name }) => positionsTopic(flow.name, name));

const stateTopicsOf = (flow: Flow): string[] =>
  [...flow.stations.values()].flatMap((spec) => stateTopicOf(flow, spec) ?? []);
