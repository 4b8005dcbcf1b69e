/** A stand-in for Amazon SQS, for tests and examples: ElasticMQ from Maven Central, run by Java, with queues in memory that end with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cacheFolder, findInPath, findJava, JAVA_AT_LEAST } from '../machine.mjs';
import { fetchPinned } from './jars.ts';

const POM = fileURLToPath(new URL('elasticmq.pom.xml', import.meta.url));
const CHECKSUMS = fileURLToPath(new URL('elasticmq.sha256', import.meta.url));
const READY_MS = 90_000;

function folder(): string {
  const pins = createHash('sha256').update(readFileSync(POM)).update(readFileSync(CHECKSUMS)).digest('hex');
  return join(cacheFolder(), `elasticmq-${pins.slice(0, 16)}`);
}

/** For `{ skip }` of a test: why it cannot run here, or undefined. */
export function noElasticMq(): string | undefined {
  const java = findJava();
  if (java === undefined || java.major < JAVA_AT_LEAST) return `no Java ${JAVA_AT_LEAST} or newer to run ElasticMQ`;
  if (!existsSync(join(folder(), 'complete')) && findInPath('mvn') === undefined) return 'no Maven to fetch ElasticMQ';
  return undefined;
}

export class ElasticMq implements AsyncDisposable {
  /** Address of the service. */
  readonly url: string;
  readonly port: number;
  /** What the SDK's clients need; the stand-in takes any credentials. */
  readonly client: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
  readonly #child: ChildProcess;
  readonly #files: string;

  constructor(port: number, child: ChildProcess, files: string) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.client = { endpoint: this.url, region: 'elasticmq', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } };
    this.#child = child;
    this.#files = files;
  }

  /** Address of a queue by its name. */
  queueUrl(name: string): string {
    return `${this.url}/000000000000/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.removeListener('exit', this.kill);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    await rm(this.#files, { recursive: true, force: true });
  }

  readonly kill = (): void => void this.#child.kill('SIGKILL');
}

/** Started and answering. @throws with the end of its log */
export async function startElasticMq(onProgress: (line: string) => void = () => {}): Promise<ElasticMq> {
  const jars = folder();
  const title = 'ElasticMQ (43 MB, once)';
  await fetchPinned({ title, pom: POM, checksums: CHECKSUMS, folder: jars }, process.env, onProgress);
  const port = await freePort();
  const files = await mkdtemp(join(tmpdir(), 'quadrille-elasticmq-'));
  const settings = join(files, 'elasticmq.conf');
  await writeFile(
    settings,
    `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
aws { region = elasticmq, accountId = 000000000000 }
`,
  );
  const java = findJava();
  const child = spawn(
    java?.path ?? 'java',
    [
      '-Xmx128m',
      '-XX:TieredStopAtLevel=1',
      `-Dconfig.file=${settings}`,
      '-cp',
      join(jars, '*'),
      'org.elasticmq.server.Main',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-4_000);
    });
  const server = new ElasticMq(port, child, files);
  process.once('exit', server.kill);
  try {
    for (const end = Date.now() + READY_MS; ; await pause(100)) {
      if (child.exitCode !== null) throw new Error(`ElasticMQ ended with ${child.exitCode}\n${log}`);
      const answer = await fetch(`${server.url}/?Action=ListQueues`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) break;
      if (Date.now() > end) throw new Error(`ElasticMQ does not answer\n${log}`);
    }
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
