/** Four colours, only where asked for: a state is always told by its word too. */
const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Paint = (text: string, colour: keyof typeof CODES) => string;

export const painter =
  (on: boolean): Paint =>
  (text, colour) =>
    on ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;

/** --color always|never|auto over NO_COLOR over whether stderr is a terminal (https://no-color.org). */
export function wantsColour(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean {
  if (flag === 'always') return true;
  if (flag === 'never' || (env.NO_COLOR ?? '') !== '') return false;
  return isTerminal && env.TERM !== 'dumb';
}
