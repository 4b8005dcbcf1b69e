import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readFlow } from '@quadrille/flow';
import { aclsOf, topicsOfFlow } from '@quadrille/station';
import { parseAllDocuments } from 'yaml';
import { findKustomize } from './kustomize.ts';
import { policyFindings } from './policies.ts';
import { lostReferences } from './references.ts';
import { type Manifest, schemaChecker } from './schemas.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const OVERLAYS = ['local', 'staging', 'production'];
const { build, missing: skip = false } = await findKustomize();
const check = schemaChecker();
const flow = await readFlow(join(ROOT, 'flows/flights'));

const read = async (folder: string): Promise<Manifest[]> =>
  parseAllDocuments(await build!(folder)).map((document) => document.toJS() as Manifest);
const findings = (manifests: readonly Manifest[]): string[] => [
  ...manifests.flatMap(check),
  ...policyFindings(manifests),
  ...lostReferences(manifests),
];

describe('the overlays of the flow flights', { skip }, () => {
  const manifests = new Map<string, Manifest[]>();
  const of = (overlay: string, kind: string): Manifest[] =>
    manifests.get(overlay)!.filter((manifest) => manifest.kind === kind);

  before(async () => {
    for (const overlay of OVERLAYS) manifests.set(overlay, await read(join(ROOT, 'k8s/overlays', overlay)));
  });

  for (const overlay of OVERLAYS)
    test(`${overlay}: taken by the API, kept to the policies, names lead somewhere`, () => {
      assert.deepEqual(findings(manifests.get(overlay)!), []);
    });

  test('one Deployment a station and one of the replay service; one Job', () => {
    for (const overlay of OVERLAYS) {
      const ours = of(overlay, 'Deployment').filter(
        ({ metadata }) => metadata.labels?.['app.kubernetes.io/part-of'] === 'quadrille',
      );
      assert.deepEqual(
        ours.map(({ metadata }) => metadata.name).sort(),
        [...flow.stations.keys(), 'quadrille-replay'].map((name) => `flights-${name}`).sort(),
      );
      assert.equal(of(overlay, 'Job').length, 1);
    }
  });

  test('a KafkaTopic for every topic with the settings the ledger rests on; three replicas, one on a laptop', () => {
    for (const [overlay, replicas, minInSync] of [
      ['local', 1, 1],
      ['staging', 3, 2],
      ['production', 3, 2],
    ] as const) {
      const topics = new Map(
        of(overlay, 'KafkaTopic').map(({ metadata, spec }) => [spec!.topicName ?? metadata.name, spec!]),
      );
      const wanted = topicsOfFlow(flow);
      assert.equal(topics.size, wanted.length);
      for (const { topic, partitions, config } of wanted) {
        const { config: actual, ...spec } = topics.get(topic)! as { config: object };
        assert.deepEqual(spec, { partitions, replicas });
        const texts = Object.fromEntries(Object.entries(actual).map(([key, value]) => [key, String(value)]));
        assert.deepEqual(texts, { ...config, 'min.insync.replicas': String(minInSync) });
      }
    }
  });

  test('KafkaUsers hold the rights of aclsOf and no other', () => {
    const rights = (user: string, type: string, name: string, pattern: string, operations: readonly string[]): string =>
      `${user} ${type} ${name} ${pattern} ${operations.join(' ')}`;
    const rendered = of('production', 'KafkaUser').flatMap(({ metadata, spec }) =>
      (spec!.authorization as { acls: Rule[] }).acls.map(({ type, host, resource, operations }) => {
        assert.deepEqual([type, host], ['allow', '*']);
        const user = metadata.name.replace(/^(quadrille\..+)\.flights$/, '$1');
        return rights(
          user,
          resource.type,
          resource.name,
          resource.patternType === 'prefix' ? 'prefixed' : 'literal',
          operations,
        );
      }),
    );
    const meant = aclsOf(flow).map(({ principal, resource, operations }) =>
      rights(principal.slice('User:'.length), resource.type, resource.name, resource.pattern, operations),
    );
    assert.deepEqual(rendered.sort(), meant.sort());
  });

  test('stations that read topics scale by lag, the loader within its connections; extractors do not', () => {
    const scaled = of('production', 'ScaledObject');
    assert.deepEqual(scaled.map(({ metadata }) => metadata.name).sort(), [
      'flights-locate',
      'flights-qualify',
      'flights-warehouse',
    ]);
    for (const { metadata, spec } of scaled) {
      const [{ metadata: trigger }] = spec!.triggers as [{ metadata: Record<string, string> }];
      assert.equal(trigger.limitToPartitionsWithLag, 'true');
      assert.ok((spec!.minReplicaCount as number) <= (spec!.maxReplicaCount as number), metadata.name);
      const target = of('production', 'Deployment').find((each) => each.metadata.name === metadata.name)!;
      assert.equal(target.spec!.replicas, undefined, `${metadata.name}: the autoscaler's count would be set back`);
    }
  });
});

interface Rule {
  type: string;
  host: string;
  resource: { type: string; name: string; patternType: string };
  operations: string[];
}

describe('the checks can fail', { skip }, () => {
  let production: Manifest[] = [];
  before(async () => {
    production = await read(join(ROOT, 'k8s/overlays/production'));
  });

  interface Fields {
    [name: string]: Fields | undefined;
  }
  interface Pod {
    spec: Fields;
    container: Fields;
    labels: Record<string, string>;
    deployment: Fields;
  }
  /** What is changed in the Deployment of `qualify`, and what must be said of it. */
  const cases: [what: string, change: (pod: Pod) => void, said: RegExp][] = [
    ['an unknown field', ({ spec }) => set(spec, { hostNetworking: true }), /hostNetworking/],
    ['a field of the wrong type', ({ deployment }) => set(deployment, { paused: 'yes' }), /paused: must be boolean/],
    ['the network of the node', ({ spec }) => set(spec, { hostNetwork: true }), /hostNetwork is set/],
    [
      'a folder of the node',
      ({ spec }) => added(spec, 'volumes', { name: 'x', hostPath: { path: '/' } }),
      /type hostPath/,
    ],
    ['privilege', ({ container }) => set(container.securityContext!, { privileged: true }), /is privileged/],
    ['escalation', ({ container }) => delete container.securityContext!.allowPrivilegeEscalation, /may gain/],
    ['root', ({ spec }) => set(spec.securityContext!, { runAsUser: 0 }), /may run as root/],
    [
      'a capability',
      ({ container }) => set(container.securityContext!.capabilities!, { add: ['NET_RAW'] }),
      /capabilities/,
    ],
    ['no seccomp profile', ({ spec }) => delete spec.securityContext!.seccompProfile, /seccomp/],
    [
      'a root file system to write to',
      ({ container }) => delete container.securityContext!.readOnlyRootFilesystem,
      /root file/,
    ],
    ['latest', ({ container }) => set(container, { image: 'other/image:latest' }), /no fixed version/],
    ['no tag', ({ container }) => set(container, { image: 'ghcr.io:443/other/image' }), /no fixed version/],
    ['no limits', ({ container }) => delete container.resources!.limits!.memory, /no limits of memory/],
    ['no probe', ({ container }) => delete container.readinessProbe, /readiness/],
    ['a token', ({ spec }) => delete spec.automountServiceAccountToken, /token/],
    [
      'a password',
      ({ container }) => added(container, 'env', { name: 'KAFKA_SASL_PASSWORD', value: 'x' }),
      /secret in/,
    ],
    ['pods that no policy covers', ({ labels }) => set(labels, { 'app.kubernetes.io/instance': 'x' }), /NetworkPolicy/],
    ['too little time', ({ spec }) => set(spec, { terminationGracePeriodSeconds: 30 }), /killed before/],
    [
      'a Secret nobody makes',
      ({ spec }) => added(spec, 'volumes', { name: 'x', secret: { secretName: 'lost' } }),
      /names Secret lost/,
    ],
  ];
  for (const [what, change, said] of cases)
    test(what, () => {
      const changed = structuredClone(production);
      const deployment = named(changed, 'Deployment', 'flights-qualify').spec as unknown as Fields;
      const { spec, metadata } = deployment.template!;
      change({
        deployment,
        spec: spec!,
        container: (spec!.containers as unknown as Fields[])[0]!,
        labels: metadata!.labels as never,
      });
      assert.match(findings(changed).join('\n'), said);
    });

  test('a topic without partitions, a disruption budget for nobody, a namespace that takes anything', () => {
    const changed = structuredClone(production);
    named(changed, 'KafkaTopic', 'flights.reported').spec!.partitions = 0;
    set(named(changed, 'PodDisruptionBudget', 'flights-locate').spec!.selector as object, {
      matchLabels: { app: 'other' },
    });
    delete named(changed, 'Namespace', 'flights').metadata.labels;
    const found = findings(changed).join('\n');
    assert.match(found, /flights.reported \/spec\/partitions: must be >= 1/);
    assert.match(found, /flights-locate: has not one PodDisruptionBudget/);
    assert.match(found, /Namespace flights: does not enforce/);
  });

  const set = (into: object, fields: object): void => void Object.assign(into, fields);
  const added = (into: Fields, list: string, item: object): void => void (into[list] as unknown as object[]).push(item);
  const named = (manifests: readonly Manifest[], kind: string, name: string): Manifest =>
    manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name)!;
});

test('components that no overlay here uses can be built too', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quadrille-k8s-'));
  try {
    cpSync(join(ROOT, 'k8s'), folder, { recursive: true });
    const at = join(folder, 'overlays', 'elsewhere');
    mkdirSync(at);
    writeFileSync(
      join(at, 'kustomization.yaml'),
      `kind: Kustomization
resources: [../../base]
components: [../../components/kafka-credentials, ../../components/external-kafka, ../../components/registry-credentials, ../../components/external-registry, ../../components/external-secrets]
images:
${['cli', 'enricher', 'extractor', 'loader', 'replay', 'transformer'].map((name) => `  - { name: quadrille/${name}, newTag: 1.2.3 }`).join('\n')}
`,
    );
    assert.deepEqual(findings(await read(at)), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
