/** `quadrille up`: the servers, and all stations of a flow, each a process of its own. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Fault } from '@quadrille/record';
import type { Command } from '../command.ts';
import { text } from '../command.ts';
import { flowPath } from '../flow-path.ts';
import { runUp } from '../up/run-up.ts';

export const up: Command = {
  path: 'up',
  summary: 'start the servers and all stations of a flow',
  description:
    'Starts Kafka, the schema registry and PostgreSQL (or uses those of KAFKA_BROKERS, SCHEMA_REGISTRY_URL and\n' +
    'DATABASE_URL), registers schemas, creates topics, and runs each station as a process of its own until Ctrl-C.\n' +
    'A station that is added to the flow file meanwhile is started; the others are left alone. The replay service runs\n' +
    'beside them, for the commands `dlq`, `replay`, `trace` and `audit`; not in a run to the end.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [
    ['--exit-when-drained', 'run finite sources to their end, reconcile, and end: 0 only when it balances'],
    ['--report <file>', 'write the reconciliation there as JSON (with --exit-when-drained)'],
    ['--again', 'extract from the beginning once more, on purpose'],
    ['--only <stations>', 'only these stations, separated by commas'],
    ['--no-replay', 'without the replay service'],
    ['--outside', 'start what is around the flow (`outside` in the flow file) also where servers are given by address'],
    ['--stack <kind>', 'local or docker, whatever the machine would choose'],
  ],
  examples: [
    'up flows/flights',
    'up flows/flights --exit-when-drained --report report.json',
    'up flows/flights --only reported,qualify',
  ],
  run: async (context, [flow], options) => {
    const report = text(options, 'report');
    const drain = options.exitWhenDrained === true;
    if (report !== undefined && !drain)
      throw new Fault('USAGE', '--report needs --exit-when-drained', {
        help: 'add --exit-when-drained, or use `quadrille flow reconcile FLOW -o json`',
      });
    const stack = text(options, 'stack');
    if (stack !== undefined && stack !== 'local' && stack !== 'docker')
      throw new Fault('USAGE', `--stack ${stack}`, { help: 'one of local, docker' });
    return runUp(context, {
      flow: flowPath(context, flow),
      drain,
      again: options.again === true,
      replay: options.replay !== false,
      outside: options.outside === true,
      only: text(options, 'only')
        ?.split(',')
        .map((name) => name.trim())
        .filter(Boolean),
      stack,
      writeReport: (content) =>
        report !== undefined && writeFileSync(resolve(context.cwd, report), `${JSON.stringify(content, null, 2)}\n`),
    });
  },
};
