/** Ports of the local servers: chosen once, remembered beside the state, and kept as long as they are free. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { StackOptions } from '../stack.ts';
import { StackError } from '../stack-error.ts';
import { readJson, writeJson } from '../state-folder.ts';

export interface Ports {
  brokers: number[];
  controllers: number[];
  registry: number;
  database: number;
}

// Below the ephemeral ports, from which the kernel takes the near end of any connection: a port that a stopped server
// must get back would sooner or later be lost to one.
const FIRST = 20_000;
const LAST = 31_999;

export async function choosePorts(dir: string, brokers: number, fixed: StackOptions['ports'] = {}): Promise<Ports> {
  const file = join(dir, 'ports.json');
  const before = readJson<Ports>(file);
  const taken = new Set<number>();
  const choose = async (wanted: number | undefined, last: number | undefined): Promise<number> => {
    if (wanted !== undefined) {
      if (!(await isFree(wanted))) throw new StackError('PORT_TAKEN', '', { place: `127.0.0.1:${wanted}` });
      return wanted;
    }
    if (last !== undefined && !taken.has(last) && (await isFree(last))) return last;
    const from = Math.floor(Math.random() * (LAST - FIRST));
    for (let i = 0; i <= LAST - FIRST; i++) {
      const port = FIRST + ((from + i) % (LAST - FIRST + 1));
      if (!taken.has(port) && (await isFree(port))) return port;
    }
    throw new StackError('PORT_NONE_FREE');
  };
  const next = async (wanted: number | undefined, last: number | undefined): Promise<number> => {
    const port = await choose(wanted, last);
    taken.add(port);
    return port;
  };
  const ports: Ports = { brokers: [], controllers: [], registry: 0, database: 0 };
  for (let i = 0; i < brokers; i++) {
    ports.brokers.push(await next(fixed.brokers?.[i], before?.brokers[i]));
    ports.controllers.push(await next(undefined, before?.controllers[i]));
  }
  ports.registry = await next(fixed.registry, before?.registry);
  ports.database = await next(fixed.database, before?.database);
  writeJson(file, ports);
  return ports;
}

/** Nobody listens there on 127.0.0.1 or on all addresses. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
