/** `quadrille init`: a new flow that runs, to be changed into one's own. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateTypes } from '@quadrille/flow';
import { Fault, Faults, NAME_PATTERN } from '@quadrille/record';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { filesOf, type Place } from '../init/template.ts';

const INSTALLED = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/[/\\]$/, '');

export const init: Command = {
  path: 'init',
  summary: 'make a new flow that runs',
  description:
    'Asks nothing. Leaves a flow file, schemas and their types, a rule with examples, a small CSV file and whole-flow\ncases: `check`, `test` and `up` take it as it is. In a project (a folder with flows/ and schemas/) it goes to\nflows/NAME, elsewhere to the folder NAME, which then needs nothing else. Nothing that is there is written over.',
  arguments: [['NAME', 'of the flow: lower case letters, digits and hyphens']],
  examples: ['init orders'],
  run: async (context, [name]) => {
    if (!NAME_PATTERN.test(name!))
      throw new Fault('USAGE', `\`${name}\` is no name of a flow`, {
        help: 'lower case letters, digits and hyphens, starting with a letter',
      });
    const isProject = ['flows', 'schemas/flow.schema.json'].every((path) => existsSync(join(context.cwd, path)));
    const folder = join(context.cwd, isProject ? 'flows' : '', name!);
    const place: Place = {
      name: name!,
      schemas: isProject ? '../../schemas' : 'schemas',
      installed: isProject ? undefined : INSTALLED,
    };
    const files = [...filesOf(place)].map(([path, text]) => ({ file: join(folder, path), text }));
    const there = files.filter(({ file }) => existsSync(file));
    if (there.length > 0)
      throw new Faults(
        there.map(
          ({ file }) =>
            new Fault('USAGE', `${relative(context.cwd, file)} is there already`, { help: 'choose another name' }),
        ),
      );
    for (const { file, text } of files) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      context.out(`${relative(context.cwd, file)}\n`);
    }
    for (const { file, text, isCurrent } of await generateTypes(join(folder, place.schemas))) {
      if (isCurrent) continue;
      await writeFile(file, text);
      context.out(`${relative(context.cwd, file)}\n`);
    }
    const flow = relative(context.cwd, folder);
    context.err(`next: quadrille check ${flow} · quadrille test ${flow} · quadrille up ${flow} --exit-when-drained`);
    return EXIT.done;
  },
};
