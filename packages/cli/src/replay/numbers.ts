/** Numbers as flags of replays give them. */
import { Fault } from '@quadrille/record';
import { type Options, text } from '../command.ts';

/** @param name of the option as commander names it: `stopAt` for `--stop-at`. @throws Fault USAGE */
export function numberOf(options: Options, name: 'rate' | 'stopAt'): number | undefined {
  const given = text(options, name);
  if (given === undefined) return undefined;
  const value = Number(given);
  const fits = name === 'rate' ? value > 0 : value >= 0 && value <= 1;
  if (given.trim() !== '' && Number.isFinite(value) && fits) return value;
  const flag = name === 'rate' ? '--rate' : '--stop-at';
  throw new Fault('USAGE', `${flag} ${given}`, {
    help: name === 'rate' ? 'records a second, e.g. --rate 50' : 'a share from 0 to 1, e.g. --stop-at 0.2',
  });
}

/** `1,10,100`. @throws Fault USAGE */
export function rampOf(given: string | undefined): number[] | undefined {
  if (given === undefined) return undefined;
  const steps = given.split(',').map((word) => (/^\s*\d+\s*$/.test(word) ? Number(word) : 0));
  if (steps.every((step) => step >= 1) && steps.length <= 20) return steps;
  throw new Fault('USAGE', `--ramp ${given}`, { help: 'up to 20 steps, e.g. --ramp 1,10,100' });
}
