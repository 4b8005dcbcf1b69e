/** `quadrille run`: one station in the foreground, as a container runs it. */
import { spawn } from 'node:child_process';
import { readStation } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { serverEnv } from '../access.ts';
import type { Command } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { findServers } from '../servers.ts';
import { STATION_FLAGS } from '../up/station-process.ts';
import { mainOf } from '../up/supervised-process.ts';

export const run: Command = {
  path: 'run',
  summary: 'run one station in the foreground',
  description:
    'Works on the servers of KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL, or on those that run in this folder.\nTopics and schemas must be there: `quadrille up` makes them. Logs go to stderr as JSON lines.',
  arguments: [
    ['FLOW', 'folder of the flow file, or its name in flows/'],
    ['STATION', 'name of the station'],
  ],
  examples: ['run flows/flights warehouse'],
  run: async (context, [flow, name = '']) => {
    const { flow: read, station } = await readStation(flowPath(context, flow), name);
    const addresses = await findServers(context);
    if (addresses === undefined) throw new Fault('STACK_MISSING', '');
    const child = spawn(process.execPath, [...STATION_FLAGS, mainOf(station.kind)], {
      stdio: 'inherit',
      env: {
        ...serverEnv(context.env, addresses),
        QUADRILLE_FLOW: read.file,
        QUADRILLE_STATION: name,
      },
    });
    context.cancel.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    return new Promise<ExitCode>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code === 0 ? EXIT.done : EXIT.findings));
    });
  },
};
