/** docker-compose.yml with a name, ports, secrets and images of its own, so that it disturbs no other. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reconciliation } from '@quadrille/record';
import { Client } from 'pg';
import { noteFailure, ROOT, until } from '../harness/index.ts';
import { type Answer, docker } from './docker.ts';

/** What the Dockerfile and docker-compose.yml build on, but for the profiles. */
export const IMAGES = [
  'node:24-slim',
  'gcr.io/distroless/nodejs24-debian12:nonroot',
  'apache/kafka:4.3.1',
  'apicurio/apicurio-registry:3.3.3',
  'postgres:17',
];
const PORTS = ['KAFKA_PORT', 'REGISTRY_PORT', 'POSTGRES_PORT', 'REPLAY_PORT', 'PROMETHEUS_PORT', 'GRAFANA_PORT'];

export class ComposeProject implements AsyncDisposable {
  readonly name: string;
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;

  private constructor(name: string, folder: string, settings: Record<string, string>) {
    this.name = name;
    this.#folder = folder;
    this.#settings = settings;
  }

  /**
   * Makes an .env as a user does; starts nothing.
   * @param settings beside those: of a project of its own.
   */
  static async make(settings: Readonly<Record<string, string>> = {}): Promise<ComposeProject> {
    const name = `quadrille-test-${randomBytes(4).toString('hex')}`;
    const folder = await mkdtemp(join(tmpdir(), 'quadrille-compose-'));
    const own = { IMAGE_REGISTRY: name, ...(await freePorts()), ...settings };
    const made = execFileSync('sh', [join(ROOT, 'docker/env.sh')], { encoding: 'utf8' });
    const text = Object.entries(own).reduce(
      (all, [key, value]) => all.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`),
      made,
    );
    await writeFile(join(folder, '.env'), text, { mode: 0o600 });
    return new ComposeProject(name, folder, settingsOf(text));
  }

  setting(name: string): string {
    const value = this.#settings[name];
    if (!value) throw new Error(`.env does not say ${name}`);
    return value;
  }

  /** @throws with what compose said when it ends with anything but 0. */
  async compose(...words: string[]): Promise<string> {
    const { code, out, err } = await this.try(...words);
    if (code === 0) return out;
    throw new Error(`docker compose ${words.join(' ')} ended with ${code}\n${err}\n${await this.#state()}`);
  }

  async try(...words: string[]): Promise<Answer> {
    const file = join(this.#folder, '.env');
    return docker(['compose', '--ansi', 'never', '--progress', 'plain', '-p', this.name, '--env-file', file, ...words]);
  }

  /** A command, in a container of its own, as a user runs it. */
  quadrille(...words: string[]): Promise<Answer> {
    return this.try('run', '--rm', '--no-deps', '-T', 'cli', ...words);
  }

  /** By the ledger, as the command in a container tells it. */
  async reconcile(): Promise<Reconciliation & { deadLetters: Record<string, number> }> {
    const { out, err } = await this.quadrille('flow', 'reconcile', 'flights', '-o', 'json');
    try {
      return JSON.parse(out) as Reconciliation & { deadLetters: Record<string, number> };
    } catch {
      throw new Error(`no JSON\n${out}\n${err}`);
    }
  }

  async sql<Row>(text: string): Promise<Row[]> {
    const client = new Client({
      connectionString: `postgres://quadrille:${this.setting('POSTGRES_PASSWORD')}@127.0.0.1:${this.setting('POSTGRES_PORT')}/quadrille`,
    });
    await client.connect();
    try {
      return (await client.query(text)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  /** Rows of the target; 0 before there is one. */
  async rows(): Promise<number> {
    const [there] = await this.sql<{ name: string | null }>(`SELECT to_regclass('public.flights') AS name`);
    if (there?.name === null) return 0;
    const [row] = await this.sql<{ count: string }>('SELECT count(*) FROM flights');
    return Number(row?.count);
  }

  /** Names of a service's containers that run. */
  async containers(service: string): Promise<string[]> {
    const out = await this.compose('ps', service, '--format', '{{.Name}}');
    return out.split('\n').filter(Boolean).sort();
  }

  async untilRows(atLeast: number): Promise<number> {
    return until(`${atLeast} rows`, async () => ((await this.rows()) >= atLeast ? this.rows() : undefined), 120_000);
  }

  /** What runs, and the last words of what does not. */
  async #state(): Promise<string> {
    const { out } = await this.try('ps', '-a', '--format', '{{.Service}} {{.Status}}');
    const bad = out.split('\n').filter((line) => line !== '' && !/healthy\)|Exited \(0\)/.test(line));
    const logs = await Promise.all(
      bad.map(async (line) => (await this.try('logs', '--tail', '8', line.split(' ')[0]!)).out),
    );
    return `${out}\n${logs.join('\n')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = ['--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5'];
    const { code, err } = await this.try(...all);
    if (code !== 0) noteFailure(new Error(err));
    const { out } = await docker(['image', 'ls', '-q', `${this.name}/*`]);
    const images = [...new Set(out.split('\n').filter(Boolean))];
    if (images.length > 0) await docker(['image', 'rm', '-f', ...images]);
    await rm(this.#folder, { recursive: true });
  }
}

export const settingsOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, key, value]) => [key!, value!]));

/** Held open together while they are chosen, so that they differ. */
async function freePorts(): Promise<Record<string, string>> {
  const servers = await Promise.all(
    PORTS.map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => String((server.address() as { port: number }).port));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.fromEntries(PORTS.map((name, at) => [name, ports[at]!]));
}
