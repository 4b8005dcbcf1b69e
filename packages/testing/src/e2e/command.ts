/** The command `quadrille` as a user types it: a process of its own, in a folder of its own, with a flow of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { Clients, givenAddresses, ROOT, until } from '../harness/index.ts';

/** The program, as Node runs it. */
export const MAIN = join(ROOT, 'packages/cli/src/main.ts');

/** Longer than any command on a flow this small takes, also on a busy machine. */
const PATIENCE_MS = 120_000;

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** A command that runs. */
export class Typed {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out = '';
  err = '';

  constructor(cwd: string, words: readonly string[], env: NodeJS.ProcessEnv) {
    // Servers are those of the run, whatever kind they are of.
    const { NODE_TEST_CONTEXT: _, QUADRILLE_STACK: __, ...own } = process.env;
    this.child = spawn(process.execPath, [MAIN, ...words], {
      cwd,
      env: { ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.on('data', (text) => {
      this.out += text;
    });
    this.child.stderr!.on('data', (text) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => resolve({ code, out: this.out, err: this.err })),
    );
  }

  /** Waits until stderr holds a text. */
  async says(text: string | RegExp, ms = 90_000): Promise<void> {
    const has = async () => (typeof text === 'string' ? this.err.includes(text) : text.test(this.err));
    await until(String(text), has, ms, () => `\n${this.err}`);
  }
}

/** A folder with a flow whose name nobody else has; its topics begin with that name. */
export class Project implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly running = new Set<Typed>();

  protected constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  /** A new name, and an empty folder in which rules can import what they import in a project. */
  protected static async place(): Promise<{ name: string; folder: string }> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'quadrille-e2e-')));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    return { name: `e${randomBytes(4).toString('hex')}`, folder };
  }

  async edit(path: string, change: (text: string) => string): Promise<void> {
    const file = join(this.folder, path);
    await writeFile(file, change(await readFile(file, 'utf8')));
  }

  /** Starts a command in the project's folder. */
  start(...words: string[]): Typed {
    const typed = new Typed(this.folder, words, {
      QUADRILLE_SESSION_TIMEOUT_MS: '6000',
      QUADRILLE_REPLAY_SCHEMA: this.schema,
      NO_COLOR: '1',
    });
    this.running.add(typed);
    void typed.ended.then(() => this.running.delete(typed));
    return typed;
  }

  /** Runs a command to its end. @throws when it takes longer than `PATIENCE_MS`, with what it and its stations said. */
  async type(...words: string[]): Promise<Ended> {
    const typed = this.start(...words);
    const given = new AbortController();
    const tooLong = wait(PATIENCE_MS, 'too long' as const, { signal: given.signal }).catch(() => 'too long' as const);
    const ended = await Promise.race([typed.ended, tooLong]);
    given.abort();
    if (ended !== 'too long') return ended;
    typed.child.kill('SIGTERM');
    throw new Error(`quadrille ${words.join(' ')} did not end\n${typed.out}${typed.err}${await this.logs()}`);
  }

  /** The last lines of every station's log. */
  async logs(): Promise<string> {
    const folder = join(this.folder, '.quadrille/logs', this.name);
    const files = await readdir(folder).catch(() => []);
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    return texts.map((text, at) => `\n${files[at]}\n${text.split('\n').slice(-15).join('\n')}`).join('');
  }

  async json<T>(...words: string[]): Promise<T> {
    const { out, err } = await this.type(...words, '-o', 'json');
    try {
      return JSON.parse(out) as T;
    } catch {
      throw new Error(`quadrille ${words.join(' ')}: no JSON\n${out}\n${err}`);
    }
  }

  /** The replay service's own, since all projects of a run share a database. */
  get schema(): string {
    return `replay_${this.name}`;
  }

  /** Processes of this machine that run a station of this flow. @param kind of this kind alone */
  stations(kind = ''): Promise<number[]> {
    return this.#services(`QUADRILLE_FLOW=${this.folder}/`, kind);
  }

  /** The process that runs the replay service of this project. */
  async replayService(): Promise<number | undefined> {
    const [pid] = await this.#services(`QUADRILLE_REPLAY_SCHEMA=${this.schema}\0`, 'replay');
    return pid;
  }

  /** @param variable stands in the environment of those that are meant. */
  async #services(variable: string, service = ''): Promise<number[]> {
    const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
    const read = (pid: string, file: string): Promise<string> =>
      readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const found = await Promise.all(
      pids.map(async (pid) => {
        const isService = (await read(pid, 'cmdline')).includes(`/services/${service}`);
        return isService && (await read(pid, 'environ')).includes(variable) ? [Number(pid)] : [];
      }),
    );
    return found.flat();
  }

  async #dropSchema(): Promise<void> {
    const client = new Client({ connectionString: givenAddresses().databaseUrl });
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS ${client.escapeIdentifier(this.schema)} CASCADE`);
    await client.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const typed of this.running) typed.child.kill('SIGTERM');
    await Promise.all([...this.running].map((typed) => typed.ended));
    const clients = new Clients(givenAddresses());
    try {
      await clients.open();
      // By name, since the flow file may be left broken by now.
      const topics = (await clients.raw.listTopics()).filter((topic) => topic.includes(this.name));
      await clients.raw.deleteTopics({ topics }).catch(() => {});
      await this.#dropSchema();
    } finally {
      await clients.close();
      await rm(this.folder, { recursive: true, force: true });
    }
  }
}

/** A copy of fixtures/tiny in which `tiny` is the project's name. */
export class TinyProject extends Project {
  static async make(): Promise<TinyProject> {
    const { name, folder } = await Project.place();
    await cp(join(ROOT, 'packages/testing/fixtures/tiny'), folder, { recursive: true });
    const project = new TinyProject(name, folder);
    await project.edit('flow.yaml', (text) => text.replaceAll('tiny', name));
    for (const file of await readdir(join(folder, 'schemas'))) {
      await project.edit(`schemas/${file}`, (text) => text.replaceAll('tiny', name));
      await rename(join(folder, 'schemas', file), join(folder, 'schemas', file.replace('tiny', name)));
    }
    return project;
  }
}
