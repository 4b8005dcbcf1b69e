/** The files of a new flow: orders out of a CSV file, priced by a rule, into a table. Small, and all of it real. */
import { avscSchema, caseSchema, flowSchema } from '@quadrille/flow';
import { compilerOptions } from './compiler-options.ts';

export interface Place {
  /** Name of the flow; its topics begin with it. */
  name: string;
  /** From the flow's folder to that of its schemas, `schemas` or `../../schemas`. */
  schemas: string;
  /** Absolute, of the folder that holds the command and its packages; undefined within it. */
  installed: string | undefined;
}

/** Text by path from the flow's folder. The types beside the schemas are made by whoever writes the files. */
export function filesOf(place: Place): Map<string, string> {
  const { name, schemas, installed } = place;
  const files = new Map([
    ['flow.yaml', flowFile(place)],
    ['rules/priced.ts', rule(place)],
    ['data/orders.csv', ORDERS],
    ['cases/orders.yaml', cases(place)],
    ['README.md', readme(place)],
    [`${schemas}/${name}.placed.avsc`, placed(name)],
    [`${schemas}/${name}.priced.avsc`, priced(name)],
  ]);
  if (installed === undefined) return files;
  const json = (content: object): string => `${JSON.stringify(content, null, 2)}\n`;
  files.set('schemas/flow.schema.json', json(flowSchema()));
  files.set('schemas/case.schema.json', json(caseSchema()));
  files.set('schemas/avsc.schema.json', json(avscSchema()));
  files.set('.vscode/settings.json', json(EDITOR));
  files.set('tsconfig.json', json(tsconfig(installed)));
  files.set('package.json', json(packageOf(name)));
  files.set('.gitignore', '.quadrille/\nnode_modules/\n');
  return files;
}

/** A name for a table, where hyphens would have to be quoted. */
export const tableOf = (name: string): string => `${name.replaceAll('-', '_')}_orders`;

const flowFile = ({ name, schemas }: Place): string => `# yaml-language-server: $schema=${schemas}/flow.schema.json
flow: ${name}

stations:
  # every row of the file becomes a record; id says who it is
  placed:
    extractor: { type: csv, path: data/orders*.csv, id: "{order}" }
    to: ${name}.placed
  # rules say what becomes of a record: it passes, is dropped, or is rejected
  priced:
    transformer: rules/priced.ts
    from: ${name}.placed
    to: ${name}.priced
  warehouse:
    loader: { type: postgres, table: ${tableOf(name)} }
    from: ${name}.priced
`;

const rule = ({ name, schemas }: Place): string => `import { rule } from '@quadrille/flow';
import { drop, reject } from '@quadrille/record';
import type { OrderPlaced } from '../${schemas}/${name}.placed.ts';
import type { OrderPriced } from '../${schemas}/${name}.priced.ts';

export default rule<OrderPlaced, OrderPriced>({
  doc: 'Works out what an order comes to; leaves out trials, refuses what cannot be.',
  apply(order) {
    if (order.customer === 'trial') return drop('ORDER_TRIAL');
    if (order.quantity <= 0) return reject('QUANTITY_INVALID', '\`quantity\` is not above 0', { field: 'quantity' });
    const { order: number, customer, quantity, unit_cents } = order;
    return { order: number, customer, total_cents: quantity * unit_cents };
  },
  examples: [
    { name: 'two pieces', given: { quantity: 2, unit_cents: 1250 }, expect: { total_cents: 2500 } },
    { name: 'a trial', given: { customer: 'trial' }, expect: { drop: 'ORDER_TRIAL' } },
    { name: 'no pieces', given: { quantity: 0 }, expect: { reject: 'QUANTITY_INVALID', field: 'quantity' } },
  ],
});
`;

/** The fifth has a quantity that is no number, the seventh one that is not above 0; the eighth is a trial. */
const ORDERS = `order,customer,quantity,unit_cents
1001,ada@example.com,2,1250
1002,grace@example.com,1,9900
1003,edsger@example.com,12,450
1004,barbara@example.com,3,3100
1005,alan@example.com,many,500
1006,ada@example.com,1,64900
1007,grace@example.com,0,9900
1008,trial,1,100
`;

const cases = ({ schemas }: Place): string => `# yaml-language-server: $schema=../${schemas}/case.schema.json
cases:
  - name: from the file to the table
    given:
      placed:
        - { order: 1001, customer: ada@example.com, quantity: 2, unit_cents: 1250 }
    expect:
      placed: [{ pass: { $id: "1001", quantity: 2 } }]
      priced: [{ pass: { total_cents: 2500 } }]
      warehouse:
        verdicts: [written]
        rows: [{ $id: "1001", total_cents: 2500 }]

  - name: what does not get there
    given:
      placed:
        - { order: 1005, customer: alan@example.com, quantity: many, unit_cents: 500 }
        - { order: 1007, customer: grace@example.com, quantity: 0, unit_cents: 9900 }
        - { order: 1008, customer: trial, quantity: 1, unit_cents: 100 }
    expect:
      placed: [{ reject: FIELD_INVALID, field: quantity }, pass, pass]
      priced: [{ reject: QUANTITY_INVALID, field: quantity }, { drop: ORDER_TRIAL }]
`;

const order = `{ "name": "order", "type": "string", "doc": "Its number." }`;
const customer = `{ "name": "customer", "type": "string", "doc": "E-mail address of who ordered.", "sensitivity": "personal" }`;

const schema = (name: string, type: string, doc: string, fields: readonly string[]): string => `{
  "type": "record",
  "name": "${type}",
  "namespace": "${name.replaceAll('-', '_')}",
  "doc": "${doc}",
  "owner": "shop",
  "sensitivity": "internal",
  "fields": [
${[order, customer, ...fields].map((field) => `    ${field}`).join(',\n')}
  ]
}
`;

const placed = (name: string): string =>
  schema(name, 'OrderPlaced', 'An order as the shop wrote it down.', [
    '{ "name": "quantity", "type": "int", "doc": "Pieces." }',
    '{ "name": "unit_cents", "type": "int", "doc": "Price of a piece, in cents." }',
  ]);

const priced = (name: string): string =>
  schema(name, 'OrderPriced', 'An order and what it comes to.', [
    '{ "name": "total_cents", "type": "long", "doc": "What it comes to, in cents." }',
  ]);

/** YAML files name their schema in their first line; JSON has no comments, and a schema goes to the registry as it is. */
const EDITOR = {
  'files.associations': { '*.avsc': 'json' },
  'json.schemas': [{ fileMatch: ['*.avsc'], url: './schemas/avsc.schema.json' }],
};

/** Editors find the packages where the command is installed; nothing has to be installed here. */
const tsconfig = (installed: string): object => ({
  compilerOptions: compilerOptions(installed),
  include: ['rules', 'schemas'],
});

const packageOf = (name: string): object => ({
  name,
  private: true,
  type: 'module',
  scripts: { check: 'quadrille check .', test: 'quadrille test .', start: 'quadrille up .' },
});

const readme = ({ name, schemas, installed }: Place): string => {
  const flow = installed === undefined ? `flows/${name}` : '.';
  return `# ${name}

Orders out of \`data/orders.csv\`, priced by \`rules/priced.ts\`, into the table \`${tableOf(name)}\`.

\`\`\`sh
quadrille check ${flow}                        # file, schemas, rules, cases
quadrille test ${flow} --watch                 # examples of the rule, and cases/
quadrille up ${flow} --exit-when-drained       # Kafka, registry and PostgreSQL are started where none are given
\`\`\`

Of the eight orders five get to the table. One is a trial and left out on purpose; one has a quantity that is no number,
one a quantity of 0, and both are set aside as dead letters, which wait to be corrected:

\`\`\`sh
quadrille dlq groups
\`\`\`

| | |
| --- | --- |
| \`flow.yaml\` | the stations and the topics between them |
| \`${schemas}/${name}.*.avsc\` | a schema a topic; after a change write the types beside them with \`quadrille types ${flow}\` |
| \`rules/\` | what becomes of a record, with examples |
| \`cases/\` | what the flow makes of records |
`;
};
