/** A pod's one container as a process of this machine: its files, its environment, its arguments, and nothing else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../harness/index.ts';
import type { Manifest } from './schemas.ts';

interface Container {
  image: string;
  args?: string[];
  env: { name: string; value?: string; valueFrom?: { configMapKeyRef?: { name: string; key: string } } }[];
  readinessProbe?: { httpGet?: { path: string } };
  volumeMounts: { name: string; mountPath: string; subPath?: string }[];
}

interface Volume {
  name: string;
  configMap?: { name: string; items: { key: string; path: string }[] };
  secret?: { secretName: string };
  persistentVolumeClaim?: { claimName: string };
}

/** What a cluster would hold beside the manifest. */
export interface Surroundings {
  manifests: readonly Manifest[];
  /** ConfigMap → key → value: the addresses. */
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>;
  secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The folder that a claim stands for. */
  claims: Readonly<Record<string, string>>;
}

/** What the images run, by their name without a registry. */
const programOf = (image: string): string =>
  image === 'quadrille/cli' ? 'bin/quadrille.js' : `services/${image.replace('quadrille/', '')}/main.ts`;

export class Pod {
  readonly name: string;
  /** Its root file system. */
  readonly #root = realpathSync(mkdtempSync(join(tmpdir(), 'quadrille-pod-')));
  readonly #container: Container;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly ended: Promise<number | null>;
  /** What it has said. */
  text = '';

  private constructor(manifest: Manifest, around: Surroundings, port: number) {
    const { spec } = manifest.spec!.template as { spec: { containers: [Container]; volumes: Volume[] } };
    this.name = manifest.metadata.name;
    this.#container = spec.containers[0];
    this.#port = port;
    this.#mount(spec.volumes, around);
    const program = join(ROOT, programOf(this.#container.image));
    this.#child = spawn(process.execPath, [program, ...(this.#container.args ?? []).map((arg) => this.#inside(arg))], {
      cwd: join(this.#root, 'app'),
      env: { NO_COLOR: '1', HOME: this.#root, ...this.#env(around) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk) => {
        this.text += chunk;
      });
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** @param manifest of a Deployment or a Job */
  static async start(manifest: Manifest, around: Surroundings): Promise<Pod> {
    return new Pod(manifest, around, await freePort());
  }

  /** As its readiness probe asks, or would from inside. */
  async isReady(): Promise<boolean> {
    const path = this.#container.readinessProbe?.httpGet?.path ?? '/ready';
    return fetch(`http://127.0.0.1:${this.#port}${path}`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /** SIGTERM. @returns its exit code */
  stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
    rmSync(this.#root, { recursive: true });
  }

  /** Absolute paths of the container are below its root. */
  #inside(text: string): string {
    return /^\/(app|run|tmp)\//.test(text) ? join(this.#root, text) : text;
  }

  #env({ settings }: Surroundings): Record<string, string> {
    const told = this.#container.env.map(({ name, value, valueFrom }): [string, string] => {
      const reference = valueFrom?.configMapKeyRef;
      if (reference !== undefined) return [name, settings[reference.name]![reference.key]!];
      // Pods have addresses of their own; processes share one, and have ports of their own instead.
      if (name === 'QUADRILLE_HTTP') return [name, `127.0.0.1:${this.#port}`];
      return [name, value === undefined ? this.name : this.#inside(value)];
    });
    return Object.fromEntries(told);
  }

  #mount(volumes: readonly Volume[], { manifests, secrets, claims }: Surroundings): void {
    mkdirSync(join(this.#root, 'app'));
    symlinkSync(join(ROOT, 'node_modules'), join(this.#root, 'app/node_modules'));
    for (const { name, mountPath, subPath } of this.#container.volumeMounts) {
      const volume = volumes.find((each) => each.name === name)!;
      const at = join(this.#root, mountPath);
      const write = (path: string, text: string): void => {
        mkdirSync(dirname(join(at, path)), { recursive: true });
        writeFileSync(join(at, path), text);
      };
      if (volume.configMap !== undefined) {
        const { data } = manifests.find(({ metadata }) => metadata.name === volume.configMap!.name)!;
        for (const { key, path } of volume.configMap.items)
          if (path === subPath || path.startsWith(`${subPath}/`))
            write(path.slice(subPath!.length), (data as Record<string, string>)[key]!);
      } else if (volume.secret !== undefined) {
        for (const [key, text] of Object.entries(secrets[volume.secret.secretName]!)) write(key, text);
      } else if (volume.persistentVolumeClaim !== undefined) {
        cpSync(join(claims[volume.persistentVolumeClaim.claimName]!, subPath ?? ''), at, { recursive: true });
      } else mkdirSync(at, { recursive: true });
    }
  }
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
