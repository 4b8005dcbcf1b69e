/** `quadrille docs`: a flow's events, for people and for programs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { type Command, text } from '../command.ts';
import { eventFiles } from '../events/files.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';

export const docs: Command = {
  path: 'docs',
  summary: 'write down the events of a flow: a page, and an AsyncAPI document',
  description:
    'The page (Markdown) has a drawing of the flow, and of every topic fields, types, owner, sensitivity, who writes and reads\nit, its dead letters. The document (AsyncAPI 3.1) says the same to programs: channels, Avro messages, operations of each\nstation, Kafka bindings. Needs no servers.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [
    ['--out <folder>', 'where to; default docs/ beside the flow file'],
    ['--check', 'write nothing; end with 1 when a file is not up to date'],
  ],
  examples: ['docs flows/flights', 'docs flows/flights --out docs/reference/events', 'docs flows/flights --check'],
  run: async (context, [given], options) => {
    const path = flowPath(context, given);
    const out = text(options, 'out');
    const folder =
      out === undefined ? join(/\.ya?ml$/.test(path) ? dirname(path) : path, 'docs') : resolve(context.cwd, out);
    const files = await eventFiles(path);
    let stale = 0;
    for (const [name, wanted] of files) {
      const file = join(folder, name);
      if ((await readFile(file, 'utf8').catch(() => undefined)) === wanted) continue;
      stale++;
      if (options.check !== true) {
        await mkdir(folder, { recursive: true });
        await writeFile(file, wanted);
      }
      context.out(`${relative(context.cwd, file)}${options.check === true ? ' is not up to date' : ''}\n`);
    }
    if (stale === 0) context.err(`${files.size} files are up to date`);
    else if (options.check === true)
      context.err(`run \`quadrille docs ${given}${out === undefined ? '' : ` --out ${out}`}\``);
    return options.check === true && stale > 0 ? EXIT.findings : EXIT.done;
  },
};
