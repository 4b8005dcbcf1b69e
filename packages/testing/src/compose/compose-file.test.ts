/** What docker-compose.yml and the Dockerfile promise, as far as reading them shows it; no engine is needed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { readFlow } from '@quadrille/flow';
import { aclsOf } from '@quadrille/station';
import { parse } from 'yaml';
import { ROOT } from '../harness/index.ts';
import { settingsOf } from './project.ts';

interface Service {
  image: string;
  build?: { target: string };
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  profiles?: string[];
  mem_limit?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
}

/** A service of docker-compose.tls.yml. */
interface Secured {
  environment?: Record<string, string>;
  volumes?: { source: string; read_only: boolean; volume?: { subpath: string } }[];
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const flow = await readFlow(join(ROOT, 'flows/flights'));

test('each station of the flow is a service of its own, on the image of its kind', () => {
  const running = services.filter(([, { environment }]) => environment?.QUADRILLE_STATION !== undefined);
  assert.deepEqual(running.map(([name]) => name).sort(), [...flow.stations.keys()].sort());
  for (const [name, { environment, build, image, depends_on }] of running) {
    assert.equal(environment?.QUADRILLE_STATION, name);
    assert.equal(build?.target, flow.stations.get(name)?.kind, name);
    assert.match(image, new RegExp(`/${build?.target}:`));
    assert.equal(depends_on?.provision?.condition, 'service_completed_successfully', name);
    assert.equal(environment?.DATABASE_URL !== undefined, build?.target === 'loader', `${name} knows the database`);
  }
});

test('nothing is published but on 127.0.0.1, nothing runs without bounds, no version is left open', () => {
  for (const [name, service] of services) {
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/, name);
    assert.ok(service.mem_limit !== undefined, `${name} has a limit of memory`);
    assert.ok(service.security_opt?.includes('no-new-privileges:true'), name);
    assert.doesNotMatch(service.image, /:latest$|^[^:]+$/, name);
    const isJob = ['provision', 'cli'].includes(name);
    assert.equal(service.healthcheck !== undefined, !isJob, `${name} tells its health`);
    if (service.build === undefined) continue;
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
  }
});

test('what must last is in a named volume; what is mounted is there', () => {
  for (const name of ['kafka', 'postgres']) {
    const mounts = compose.services[name]?.volumes ?? [];
    assert.ok(
      mounts.some((mount) => Object.keys(compose.volumes).includes(mount.split(':')[0]!)),
      name,
    );
  }
  const { environment } = compose.services.registry!;
  assert.equal(environment?.APICURIO_STORAGE_KIND, 'sql');
  for (const [name, { volumes = [] }] of services)
    for (const mount of volumes) {
      const [from, , mode] = mount.replace(/\$\{\w+:-([^}]+)\}/g, '$1').split(':');
      if (!from!.startsWith('.')) continue;
      assert.equal(mode, 'ro', `${name} only reads ${from}`);
      assert.ok(existsSync(join(ROOT, from!)), `${name}: ${from}`);
    }
});

test('secrets come from .env alone, which is no part of the project, and env.sh makes them anew each time', () => {
  const wanted = new Set(
    [...text.matchAll(/\$\{([A-Z0-9_]+)/g), ...text.matchAll(/environment: ([A-Z_]+) \}/g)].map(([, name]) => name!),
  );
  const example = settingsOf(read('.env.example'));
  for (const name of wanted)
    if (!/^(IMAGE_REVISION|KAFKA_CLUSTER_ID)$/.test(name)) assert.ok(name in example, `.env.example names ${name}`);
  for (const name of Object.keys(example))
    assert.ok(wanted.has(name) || /^COMPOSE_(FILE|PROFILES)$/.test(name), `${name} is used`);

  const secrets = Object.keys(example).filter((name) => /PASSWORD|TOKEN/.test(name));
  for (const name of secrets) assert.equal(example[name], '', name);
  const make = (): Record<string, string> =>
    settingsOf(execFileSync('sh', [join(ROOT, 'docker/env.sh')], { encoding: 'utf8' }));
  const [one, other] = [make(), make()];
  for (const name of secrets) {
    assert.match(one[name]!, /^[0-9a-f]{48,64}$/, name);
    assert.notEqual(one[name], other[name]);
  }
  for (const name of ['QUADRILLE_TOKEN', 'PROMETHEUS_TOKEN'])
    assert.equal(one[`${name}_SHA256`], createHash('sha256').update(one[name]!).digest('hex'));
  assert.match(read('.gitignore'), /^\.env$/m);
  assert.match(read('.dockerignore'), /^\*$/m);
});

test('no program that env.sh runs is handed a secret: its arguments stand in the list of processes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-env-'));
  const told = join(folder, 'told');
  for (const program of ['od', 'tr', 'cut', 'sed', 'awk', 'dirname', 'sha256sum', 'shasum', 'printf'])
    await writeFile(
      join(folder, program),
      `#!/bin/sh\necho "$0 $*" >> '${told}'\nPATH=\${PATH#*:} exec ${program} "$@"\n`,
      {
        mode: 0o755,
      },
    );
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const made = settingsOf(execFileSync('sh', [join(ROOT, 'docker/env.sh')], { encoding: 'utf8', env }));
  const seen = read(relative(ROOT, told));
  await rm(folder, { recursive: true });
  assert.match(seen, /\/od /, 'what is run is seen');
  for (const [name, value] of Object.entries(made))
    if (/PASSWORD|TOKEN/.test(name)) assert.ok(!seen.includes(value), name);
});

test('the Dockerfile knows every workspace, and a target for every service', () => {
  const folders = ['packages', 'services'].flatMap((top) =>
    readdirSync(join(ROOT, top), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${top}/${name}`),
  );
  for (const folder of folders)
    assert.ok(dockerfile.includes(`COPY ${folder}/package.json ${folder}/\n`), `COPY ${folder}/package.json`);
  const targets = [...dockerfile.matchAll(/^FROM base AS (\w+)$/gm)].map(([, name]) => name!);
  const kinds = readdirSync(join(ROOT, 'services'));
  assert.deepEqual(targets.sort(), [...kinds, 'cli'].sort());
  for (const kind of kinds) {
    assert.ok(dockerfile.includes(`-w services/${kind} `), `its packages: ${kind}`);
    assert.ok(dockerfile.includes(`CMD ["services/${kind}/main.ts"]`), `exec form: ${kind}`);
  }
  const [, listed] = /matrix = \{ service = (\[[^\]]+\])/.exec(read('docker-bake.hcl'))!;
  assert.deepEqual((JSON.parse(listed!) as string[]).sort(), targets);
});

test('with TLS each service comes in as a user of its own, and sees the folder of that user alone', async () => {
  const tls = parse(read('docker-compose.tls.yml'), { merge: true }) as { services: Record<string, Secured> };
  const users = (tls.services.access?.environment?.USERS ?? '').trim().split(/\s+/);
  const wanted = new Set(aclsOf(flow).map(({ principal }) => principal.replace('User:', '')));
  assert.deepEqual(users.sort(), [...wanted].sort());
  const came = Object.entries(tls.services).filter(([, { environment }]) => environment?.KAFKA_SASL_USERNAME);
  assert.deepEqual(came.map(([, { environment }]) => environment?.KAFKA_SASL_USERNAME).sort(), users);
  for (const [name, { environment, volumes }] of came) {
    const user = environment!.KAFKA_SASL_USERNAME!;
    if (flow.stations.has(name)) assert.equal(user, `flights.${name}`);
    assert.deepEqual(
      volumes?.map(({ source, volume, read_only }) => [source, volume?.subpath, read_only]),
      [['access', user, true]],
    );
    assert.equal(environment?.KAFKA_TLS, 'on');
  }
});
