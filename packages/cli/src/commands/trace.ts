/** `quadrille trace`: the whole way of one record. */
import { Fault } from '@quadrille/record';
import type { ServiceStatus, Trace, TraceStep } from '@quadrille/replay/api';
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { printRows } from '../print/output.ts';
import { withReplay } from '../replay/service.ts';

export const trace: Command = {
  path: 'trace',
  summary: 'show the whole way of one record: every station, verdict, correction, replay, and its row',
  description: 'In order of time. Ends with 1 when nobody has seen the record.',
  arguments: [['RECORD_ID', 'as in the key, in `dlq list` or in the column _id of the target']],
  options: [['--flow <flow>', 'of this flow; needed where there are several']],
  lists: true,
  examples: ["trace '2013-1-1/UA/1545/EWR/515'", 'trace 2013-1-1/B6/725/JFK/545 --flow flights -o json'],
  run: async (context, [record], options) => {
    const { steps } = await withReplay(context, async (client) => {
      const flow = text(options, 'flow') ?? onlyFlow(await client.get<ServiceStatus>('/v1/status'));
      return client.get<Trace>('/v1/trace', { flow, record: record! });
    });
    printRows(
      context,
      options,
      [
        { name: 'AT', of: (step) => step.at },
        { name: 'STEP', of: (step) => step.kind },
        { name: 'STATION', of: (step) => step.station },
        { name: 'VERDICT', of: said },
        { name: 'RECORD', of: (step) => step.recordId },
        { name: 'REVISION', of: (step) => step.revision },
        {
          name: 'PLACE',
          of: ({ place }) => (place === null ? null : `${place.topic}[${place.partition}]@${place.offset}`),
        },
        { name: 'DEAD-LETTER', of: (step) => step.deadLetter },
        { name: 'REPLAY', of: (step) => step.replay },
        { name: 'BY', of: (step) => step.by, wide: true },
        { name: 'REASON', of: (step) => step.reason, wide: true },
      ],
      steps,
      'nobody has seen this record',
    );
    return steps.length === 0 ? EXIT.findings : EXIT.done;
  },
};

const said = ({ verdict, code, outcome }: TraceStep): string | null =>
  [verdict, code, outcome].filter((word) => word !== null).join(' ') || null;

function onlyFlow({ flows }: ServiceStatus): string {
  if (flows.length === 1) return flows[0]!.name;
  throw new Fault('USAGE', '--flow is missing', { help: `one of: ${flows.map(({ name }) => name).join(', ')}` });
}
