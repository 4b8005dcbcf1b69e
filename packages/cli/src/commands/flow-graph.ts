/** `quadrille flow graph`: draws a flow. */
import { readFlow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { drawing, mermaid } from '../graph.ts';

export const flowGraph: Command = {
  path: 'flow graph',
  summary: 'draw a flow, as text or as Mermaid',
  arguments: [['[FLOW]', 'folder of the flow file; left out, the flow that runs here']],
  options: [['--format <format>', 'text (default) or mermaid']],
  examples: ['flow graph flows/flights', 'flow graph flows/flights --format mermaid > flow.mmd'],
  run: async (context, [given], options) => {
    const format = options.format ?? 'text';
    if (format !== 'text' && format !== 'mermaid')
      throw new Fault('USAGE', `--format ${format}`, { help: 'one of text, mermaid' });
    const flow = await readFlow(flowPath(context, given));
    context.out(format === 'mermaid' ? mermaid(flow) : drawing(flow));
    return EXIT.done;
  },
};
