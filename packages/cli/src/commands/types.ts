/** `quadrille types`: TypeScript types beside the schemas. */
import { writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { findSchemas, generateTypes } from '@quadrille/flow';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';

export const types: Command = {
  path: 'types',
  summary: 'write the TypeScript types of schemas beside them',
  description: 'For every schemas/<topic>.avsc of this project a file <topic>.ts, which rules import.',
  options: [['--check', 'write nothing; end with 1 when a file is not up to date']],
  examples: ['types', 'types --check'],
  run: async (context, _, options) => {
    const generated = await generateTypes(await findSchemas(context.cwd));
    const stale = generated.filter(({ isCurrent }) => !isCurrent);
    for (const { file, text } of stale) {
      if (options.check !== true) await writeFile(file, text);
      context.out(`${relative(context.cwd, file)}${options.check === true ? ' is not up to date' : ''}\n`);
    }
    context.err(
      stale.length === 0
        ? `${generated.length} files are up to date`
        : options.check === true
          ? 'run `quadrille types`'
          : `${stale.length} files written`,
    );
    return options.check === true && stale.length > 0 ? EXIT.findings : EXIT.done;
  },
};
