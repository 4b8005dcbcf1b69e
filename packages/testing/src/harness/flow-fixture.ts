/**
 * A flow of a test's own: a folder with flow.yaml, rules, schemas and data, topics and groups that nobody else uses.
 *
 *     await using flow = await flowFixture({ files: { 'flow.yaml': 'flow: FLOW …' }, schemas: { 'FLOW.in': {…} } });
 *
 * In every text `FLOW` becomes the flow's unique name.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Flow, readFlow, readTopicSchema } from '@quadrille/flow';
import { provision, topicsOfFlow } from '@quadrille/station';
import { type Addresses, Clients, givenAddresses } from './servers.ts';
import type { StationProcess } from './station-process.ts';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export interface FlowFixtureOptions {
  /** Path in the folder → text, or bytes. */
  files: Record<string, string | Uint8Array>;
  /** Topic → Avro schema. */
  schemas?: Record<string, object>;
  /** Default: one that nobody else has. */
  name?: string;
  /** Servers other than those of the run. */
  addresses?: Addresses;
  /** False: topics and schemas are left to the test. Default true. */
  provisioned?: boolean;
}

export class FlowFixture implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly clients: Clients;
  /** Stations still running. */
  readonly stations = new Set<Pick<StationProcess, 'end'>>();
  readonly #ends: (() => Promise<void>)[] = [];
  /** Read when the fixture was made. */
  flow!: Flow;

  constructor(name: string, folder: string, clients: Clients) {
    this.name = name;
    this.folder = folder;
    this.clients = clients;
  }

  /** Called once, when everything that ran on the flow has ended. */
  atEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** `FLOW.in` → the topic's real name. */
  text(text: string): string {
    return text.replaceAll(/\bFLOW\b/g, this.name);
  }

  async write(path: string, content: string | Uint8Array): Promise<string> {
    const file = join(this.folder, this.text(path));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? this.text(content) : content);
    return file;
  }

  /** Creates topics and registers schemas, as the product does; again after the flow file was changed. */
  async provision(): Promise<void> {
    this.flow = await readFlow(this.folder);
    const { admin, registry } = this.clients;
    await provision(this.flow, admin, registry);
    // What the product leaves to the systems that write external topics; here that is the test.
    const external = [...this.flow.topics.values()].filter((topic) => topic.external);
    const config = (bytes: number | undefined): Record<string, string> =>
      bytes === undefined ? {} : { 'max.message.bytes': String(bytes) };
    await admin.createTopics(
      external.map(({ name, partitions, maxBytes }) => ({ topic: name, partitions, config: config(maxBytes) })),
      1,
    );
    for (const { name } of external)
      await registry.register(`${name}-value`, (await readTopicSchema(this.flow.schemas, name)).text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.stations].map((station) => station.end()));
    for (const end of this.#ends.splice(0)) await end();
    const own =
      this.flow === undefined ? [] : [...this.flow.topics.keys(), ...topicsOfFlow(this.flow).map(({ topic }) => topic)];
    const topics = [...new Set(own)].filter((topic) => topic.includes(this.name));
    await this.clients.raw.deleteTopics({ topics }).catch(() => {});
    await this.clients.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A flow's name that nobody else has. */
export const ownName = (): string => `t${randomBytes(4).toString('hex')}`;

export async function flowFixture(options: FlowFixtureOptions): Promise<FlowFixture> {
  const name = options.name ?? ownName();
  const folder = await mkdtemp(join(tmpdir(), 'quadrille-flow-'));
  // So that rules can import what they import in a project.
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const fixture = new FlowFixture(name, folder, new Clients(options.addresses ?? givenAddresses()));
  try {
    for (const [topic, schema] of Object.entries(options.schemas ?? {}))
      await fixture.write(`schemas/${topic}.avsc`, JSON.stringify(schema));
    for (const [path, content] of Object.entries(options.files)) await fixture.write(path, content);
    await fixture.clients.open();
    if (options.provisioned ?? true) await fixture.provision();
    return fixture;
  } catch (error) {
    await fixture[Symbol.asyncDispose]();
    throw error;
  }
}
