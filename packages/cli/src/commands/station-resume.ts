/** `quadrille station resume`: lets a paused or stuck station go on. */
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { order } from '../line.ts';

export const stationResume: Command = {
  path: 'station resume',
  summary: 'let a paused station go on',
  description:
    'After OFFSETS_LOST, --accept-loss writes the offsets that are gone into the ledger as expired, so that the station can\n' +
    'go on behind them; find out first what deleted them.',
  arguments: [
    ['FLOW', 'folder of the flow file; may be left out where the flow runs in this folder'],
    ['[STATION]', 'name of the station'],
  ],
  options: [
    ['--accept-loss', 'write off records that are gone from the topic'],
    ['--reason <text>', 'why; stands in the control topic'],
  ],
  examples: [
    'station resume flows/flights qualify',
    'station resume flows/flights qualify --accept-loss --reason "retention was too short"',
  ],
  run: async (context, words, options) => {
    const acceptLoss = options.acceptLoss === true;
    const { flow, station } = await order(context, words, {
      kind: 'resume',
      reason: text(options, 'reason') ?? '',
      acceptLoss,
    });
    context.err(`${flow}.${station} goes on${acceptLoss ? ', writing off what is gone' : ''}`);
    return EXIT.done;
  },
};
