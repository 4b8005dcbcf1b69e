/** `quadrille test`: examples of rules, and whole-flow cases, without servers. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Flow, readFlow, runExamples, type TopicSchema } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import { junit, type TestResult } from '../cases/junit.ts';
import { runCases } from '../cases/run-cases.ts';
import { inOrder } from '../check/inspect.ts';
import { type Command, type Context, text } from '../command.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { painter } from '../print/colour.ts';
import { rulesOf } from '../rule-files.ts';
import { schemasOf } from '../up/schemas.ts';
import { watching } from '../watch.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

export const test: Command = {
  path: 'test',
  summary: 'run the examples of a flow’s rules, and its cases',
  description:
    'Examples stand in the rules’ own files, whole-flow cases in cases/*.yaml beside the flow file: records given to\nstations, the verdicts and outputs expected. They go through the judges that the stations run, in memory. Needs no\nservers. Ends with 1 when something does not hold, or a rule or case cannot be used.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [
    ['--watch', 'run again whenever a file of the flow or a schema changes, until Ctrl-C'],
    ['--junit <file>', 'write the results there too, as JUnit XML'],
  ],
  examples: ['test flows/flights', 'test flows/flights --watch', 'test flows/flights --junit results.xml'],
  run: async (context, [given], options) => {
    const path = flowPath(context, given);
    if (options.watch === true) return watch(context, path);
    const flow = await readFlow(path);
    const results = await runAll(context, flow, await schemasOf(flow));
    const file = text(options, 'junit');
    if (file !== undefined) writeFileSync(resolve(context.cwd, file), junit(flow.name, results.all));
    const failed = results.all.flatMap(({ faults }) => faults);
    if (failed.length > 0) throw new Faults(inOrder(failed));
    context.out(`${results.examples} examples and ${results.cases} cases hold\n`);
    return EXIT.done;
  },
};

async function runAll(
  context: Context,
  flow: Flow,
  schemas: ReadonlyMap<string, TopicSchema>,
): Promise<{ all: TestResult[]; examples: number; cases: number }> {
  const paint = painter(context.colour);
  const all: TestResult[] = [];
  const tell = (result: TestResult): void => {
    all.push(result);
    const { faults, name } = result;
    context.out(`  ${faults.length === 0 ? paint('ok', 'green') : paint('NOT OK', 'red')}  ${name}\n`);
  };
  for (const station of flow.stations.values()) {
    const rules = rulesOf(flow, station, schemas);
    for (const path of rules?.files ?? []) {
      const file = relative(context.cwd, path);
      context.out(`${station.name}: ${file}\n`);
      const start = performance.now();
      try {
        const outcomes = await runExamples(path, rules!.context);
        const milliseconds = (performance.now() - start) / Math.max(1, outcomes.length);
        if (outcomes.length === 0) context.out('  no examples\n');
        for (const { example, fault } of outcomes)
          tell({ file, name: example, faults: fault === undefined ? [] : [fault], milliseconds });
      } catch (error) {
        if (!(error instanceof Fault || error instanceof Faults)) throw error;
        const faults = error instanceof Faults ? error.faults : [error];
        tell({ file, name: 'cannot be used', faults, milliseconds: performance.now() - start });
      }
    }
  }
  const examples = all.length;
  let last = '';
  for (const outcome of await runCases(flow, schemas)) {
    const file = relative(context.cwd, outcome.file);
    if (file !== last) context.out(`${file}\n`);
    last = file;
    tell({ ...outcome, file, name: outcome.name === '' ? 'cannot be used' : outcome.name });
  }
  return { all, examples, cases: all.length - examples };
}

/** A process of its own every time: what a rule file held before stays loaded for as long as its process lives. */
async function watch(context: Context, path: string): Promise<ExitCode> {
  const flow = await readFlow(path).catch(() => undefined);
  const folders = [...new Set([flow?.folder ?? path, flow?.schemas ?? path])];
  const command = ['test', path, '--color', context.colour ? 'always' : 'never'];
  const isMeant = (name: string): boolean => /\.(ya?ml|ts|mts|js|mjs|sql|avsc|json)$/.test(name);
  await watching(context, folders, isMeant, async () => {
    const child = spawn(process.execPath, [MAIN, ...command], { cwd: context.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => context.out(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => context.err(chunk.toString().trimEnd()));
    await new Promise((done) => child.once('close', done));
    if (!context.cancel.aborted) context.err('waiting for changes; Ctrl-C ends');
  });
  return EXIT.done;
}
