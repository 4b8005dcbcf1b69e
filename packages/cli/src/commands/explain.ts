/** `quadrille explain`: what a fault code means, and what to do. */
import { STACK_ERRORS } from '@quadrille/devstack';
import { closest } from '@quadrille/flow';
import { FAULTS, Fault } from '@quadrille/record';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';

const CLASSES: Readonly<Record<string, string>> = {
  data: 'the record is at fault and becomes a dead letter',
  schema: 'record and schema do not fit; the record becomes a dead letter',
  lookup: 'reference data is missing; the record becomes a dead letter',
  rule: 'a rule refused the record, which becomes a dead letter',
  target: 'the target refused the record, which becomes a dead letter',
  crash: 'the record killed its station and becomes a dead letter',
  dependency: 'something needed is down; the station waits and tries again, no record is lost or set aside',
  position: 'the station stops until an operator decides',
  config: 'to be mended before anything runs',
  usage: 'to be mended before anything runs',
  machine: 'servers cannot be found or started',
};

interface Row {
  code: string;
  class: string;
  message: string;
  help: string;
}

export const explain: Command = {
  path: 'explain',
  summary: 'say what a fault code means and what to do',
  arguments: [['[CODE]', 'as it stands in messages and dead letters; left out, all codes']],
  lists: true,
  examples: ['explain LOOKUP_MISSING', 'explain'],
  run: async (context, [given], options) => {
    const rows: Row[] = [
      ...Object.entries(FAULTS).map(([code, row]) => ({ code, ...row })),
      ...Object.entries(STACK_ERRORS)
        .filter(([code]) => !(code in FAULTS))
        .map(([code, row]) => ({ code, class: 'machine', ...row })),
    ];
    if (given === undefined || options.output !== undefined) {
      const wanted = given === undefined ? rows : [find(rows, given)];
      printRows(
        context,
        options,
        [
          { name: 'CODE', of: (row) => row.code },
          { name: 'CLASS', of: (row) => row.class },
          { name: 'MESSAGE', of: (row) => row.message },
          { name: 'HELP', of: (row) => row.help, wide: true },
        ],
        wanted,
      );
      return EXIT.done;
    }
    const row = find(rows, given);
    context.out(`${row.code}: ${row.message}\n  class: ${row.class}, ${CLASSES[row.class]}\n  help: ${row.help}\n`);
    return EXIT.done;
  },
};

function find(rows: readonly Row[], given: string): Row {
  const row = rows.find(({ code }) => code === given.toUpperCase());
  if (row !== undefined) return row;
  const near = closest(
    given.toUpperCase(),
    rows.map(({ code }) => code),
  );
  const help =
    near === undefined
      ? 'list all with `quadrille explain`; other codes are given by rules of the flow'
      : `did you mean \`${near}\`?`;
  throw new Fault('NOT_FOUND', `fault code ${given}`, { help });
}
