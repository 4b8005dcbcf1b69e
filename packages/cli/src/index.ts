/** The CLI as others use it: the table of commands, and how a command line is read. */
export type { Command, Context, Options } from './command.ts';
export { commands } from './commands/index.ts';
export { parse } from './program.ts';
