/** What `quadrille doctor` shows of the machine: all that a stack needs or could use, whether it is there, and what to do. */
import { availableParallelism, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { addressesFrom } from './given.ts';
import { findPackage } from './local/postgres-place.ts';
import { findDocker, inspectLocal, type Finding as LocalFinding } from './machine.mjs';
import { accepts, databaseProblem, reasonOf, registryProblem } from './probes.ts';
import type { StackAddresses, StackKind, StackOptions } from './stack.ts';
import { STACK_ERRORS, StackError, type StackErrorCode, StackErrors } from './stack-error.ts';
import { chooseKind } from './start.ts';
import { findStack } from './state-folder.ts';

export interface Finding {
  name: string;
  ok: boolean;
  /** False for what the stack that would be started here can do without. */
  needed: boolean;
  detail: string;
  /** Both only when not ok. */
  code?: StackErrorCode;
  help?: string;
}

/** The JVMs at their largest, PostgreSQL, and the stations beside them. */
const MEMORY_NEEDED = 2 * 1024 ** 3;

/** Starts nothing, downloads nothing, throws nothing. */
export async function inspectMachine(
  options: Partial<Pick<StackOptions, 'dir' | 'env' | 'checkRegistry'>> = {},
): Promise<Finding[]> {
  const env = options.env ?? process.env;
  const dir = resolve(options.dir ?? '.quadrille');
  const findings: Finding[] = [
    { name: 'Node', ok: true, needed: true, detail: `${process.versions.node} (${process.execPath})` },
  ];
  let kind: StackKind | undefined;
  try {
    kind = await chooseKind(dir, env);
    findings.push({ name: 'stack', ok: true, needed: true, detail: await describeChoice(kind, dir) });
    if (kind === 'given') findings.push(...(await inspectAddresses(addressesFrom(env)!, options.checkRegistry)));
  } catch (error) {
    findings.push(...problems(error));
  }
  findings.push(await inspectDocker(kind, env));
  for (const found of inspectLocal(env)) findings.push(ofLocal(found, kind === 'local'));
  findings.push(inspectDatabase(kind === 'local'));
  const memory = totalmem();
  const enough = memory >= MEMORY_NEEDED;
  findings.push({
    name: 'memory',
    ok: enough,
    needed: kind !== 'given',
    detail: `${(memory / 1024 ** 3).toFixed(1)} GB, ${availableParallelism()} processors`,
    ...(enough
      ? {}
      : {
          help: 'give this machine 2 GB or more, or use servers elsewhere by KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL',
        }),
  });
  return findings;
}

async function describeChoice(kind: StackKind, dir: string): Promise<string> {
  const running = kind === 'given' ? undefined : await findStack(dir);
  if (running !== undefined) return `running in ${dir} (${running.kind}, brokers ${running.brokers.join(', ')})`;
  const words = {
    given: 'servers given by address',
    docker: 'would be started in Docker',
    local: 'would be started as local processes',
  };
  return words[kind];
}

async function inspectAddresses(
  addresses: StackAddresses,
  checkRegistry: StackOptions['checkRegistry'],
): Promise<Finding[]> {
  const brokers = addresses.brokers.map(async (broker) => {
    const { hostname, port } = new URL(`kafka://${broker}`);
    return given('Kafka', broker, (await accepts(hostname, Number(port))) ? undefined : 'no connection');
  });
  const { hostname, port } = new URL(addresses.databaseUrl);
  return Promise.all([
    ...brokers,
    (checkRegistry === undefined
      ? registryProblem(addresses.registryUrl)
      : checkRegistry(addresses.registryUrl).then(() => undefined, reasonOf)
    ).then((problem) => given('registry', withoutUser(addresses.registryUrl), problem)),
    databaseProblem(addresses.databaseUrl).then((problem) => given('database', `${hostname}:${port || 5432}`, problem)),
  ]);
}

function withoutUser(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}

function given(name: string, place: string, problem: string | undefined): Finding {
  if (problem === undefined) return { name, ok: true, needed: true, detail: place };
  return {
    name,
    ok: false,
    needed: true,
    detail: `${place}: ${problem}`,
    code: 'ADDRESS_UNREACHABLE',
    help: STACK_ERRORS.ADDRESS_UNREACHABLE.help,
  };
}

async function inspectDocker(kind: StackKind | undefined, env: NodeJS.ProcessEnv): Promise<Finding> {
  const needed = kind === 'docker';
  const host = await findDocker(env);
  if (host !== undefined) return { name: 'Docker', ok: true, needed, detail: host };
  return {
    name: 'Docker',
    ok: false,
    needed,
    detail: 'no engine answers',
    code: 'DOCKER_UNREACHABLE',
    help: STACK_ERRORS.DOCKER_UNREACHABLE.help,
  };
}

function ofLocal({ name, ok, detail, code }: LocalFinding, needed: boolean): Finding {
  return code === undefined
    ? { name, ok, needed, detail }
    : { name, ok, needed, detail, code, help: STACK_ERRORS[code].help };
}

function inspectDatabase(needed: boolean): Finding {
  const path = findPackage();
  if (path !== undefined) return { name: 'PostgreSQL', ok: true, needed, detail: path };
  return {
    name: 'PostgreSQL',
    ok: false,
    needed,
    detail: `${process.platform}-${process.arch}`,
    code: 'DATABASE_MISSING',
    help: STACK_ERRORS.DATABASE_MISSING.help,
  };
}

function problems(error: unknown): Finding[] {
  const errors = error instanceof StackErrors ? error.errors : error instanceof StackError ? [error] : [];
  return errors.map(({ code, message, place, help }) => ({
    name: place ?? 'stack',
    ok: false,
    needed: true,
    detail: message,
    code,
    help,
  }));
}
