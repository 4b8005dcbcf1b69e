/** What the command line of `npm run webhook` asks for. */
import { parseArgs } from 'node:util';
import { Fault } from '@quadrille/record';

export interface WebhookRunOptions {
  /** Calls a second that begin, whatever becomes of those before. */
  rate: number;
  seconds: number;
  /** Connections of the callers. */
  connections: number;
  /** Items that may wait in the station: fewer than connections, so that some callers are asked for patience. */
  pending: number;
  /** When the broker is killed, in seconds; undefined: it is not. */
  restartAt: number | undefined;
  /** How long it is away, in seconds. */
  downFor: number;
  json: boolean;
}

const NUMBERS = {
  rate: '1000',
  seconds: '60',
  connections: '600',
  pending: '500',
  'restart-at': '20',
  'down-for': '3',
};

/** @throws Fault CONFIG_INVALID */
export function readOptions(args: readonly string[]): WebhookRunOptions {
  const help = `one of ${Object.entries(NUMBERS)
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ')} --no-restart --json`;
  const wrong = (what: string): Fault => new Fault('CONFIG_INVALID', what, { place: 'webhook', help });
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rate: { type: 'string', default: NUMBERS.rate },
        seconds: { type: 'string', default: NUMBERS.seconds },
        connections: { type: 'string', default: NUMBERS.connections },
        pending: { type: 'string', default: NUMBERS.pending },
        'restart-at': { type: 'string', default: NUMBERS['restart-at'] },
        'down-for': { type: 'string', default: NUMBERS['down-for'] },
        'no-restart': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const number = (name: keyof typeof NUMBERS): number => {
      const value = Number(values[name]);
      if (!Number.isFinite(value) || value < 0 || values[name] === '') throw wrong(`--${name} ${values[name]}`);
      return value;
    };
    return {
      rate: number('rate'),
      seconds: number('seconds'),
      connections: number('connections'),
      pending: number('pending'),
      restartAt: values['no-restart'] ? undefined : number('restart-at'),
      downFor: number('down-for'),
      json: values.json,
    };
  } catch (error) {
    throw error instanceof Fault ? error : wrong((error as Error).message);
  }
}
