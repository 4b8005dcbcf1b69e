/** `quadrille station pause`: lets a station finish its round and wait. */
import { type Command, text } from '../command.ts';
import { EXIT } from '../exit.ts';
import { order } from '../line.ts';

export const stationPause: Command = {
  path: 'station pause',
  summary: 'pause a station until it is resumed',
  description: 'Holds across restarts, and for all instances. The other stations go on.',
  arguments: [
    ['FLOW', 'folder of the flow file; may be left out where the flow runs in this folder'],
    ['[STATION]', 'name of the station'],
  ],
  options: [['--reason <text>', 'why; shown by `station list`']],
  examples: ['station pause flows/flights warehouse --reason "table is being migrated"'],
  run: async (context, words, options) => {
    const { flow, station } = await order(context, words, { kind: 'pause', reason: text(options, 'reason') ?? '' });
    context.err(`${flow}.${station} pauses; go on with \`quadrille station resume\``);
    return EXIT.done;
  },
};
