/** `quadrille types`: TypeScript types beside the schemas. */
import { writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { findSchemas, generateTypes } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import type { Command, Context } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { watching } from '../watch.ts';

export const types: Command = {
  path: 'types',
  summary: 'write the TypeScript types of schemas beside them',
  description: 'For every schemas/<topic>.avsc of this project, or of a flow’s, a file <topic>.ts, which rules import.',
  arguments: [['[FLOW]', 'folder of the flow file, or its name in flows/; left out, schemas/ here or above']],
  options: [
    ['--check', 'write nothing; end with 1 when a file is not up to date'],
    ['--watch', 'write them again whenever a schema changes, until Ctrl-C'],
  ],
  examples: ['types', 'types --check', 'types flows/flights --watch'],
  run: async (context, [given], options) => {
    const folder = await findSchemas(given === undefined ? context.cwd : folderOf(flowPath(context, given)));
    if (options.watch !== true) return write(context, folder, options.check === true);
    if (options.check === true) throw new Fault('USAGE', '--check and --watch', { help: 'choose one of them' });
    const isMeant = (name: string): boolean => name.endsWith('.avsc');
    await watching(context, [folder], isMeant, async () => {
      try {
        await write(context, folder, false);
      } catch (error) {
        // Half-written schemas are the rule while somebody writes them.
        if (!(error instanceof Fault || error instanceof Faults)) throw error;
        context.err(error.format());
      }
    });
    return EXIT.done;
  },
};

const folderOf = (flow: string): string => (/\.ya?ml$/.test(flow) ? dirname(flow) : flow);

async function write(context: Context, folder: string, check: boolean): Promise<0 | 1> {
  const generated = await generateTypes(folder);
  const stale = generated.filter(({ isCurrent }) => !isCurrent);
  for (const { file, text } of stale) {
    if (!check) await writeFile(file, text);
    context.out(`${relative(context.cwd, file)}${check ? ' is not up to date' : ''}\n`);
  }
  context.err(
    stale.length === 0
      ? `${generated.length} files are up to date`
      : check
        ? 'run `quadrille types`'
        : `${stale.length} files written`,
  );
  return check && stale.length > 0 ? EXIT.findings : EXIT.done;
}
