/** Makes the command line of the table of commands: parsing, help, and what is wrong with what was typed. */
import { Fault } from '@quadrille/record';
import { Argument, CommanderError, Command as Parser } from 'commander';
import type { Command, Options } from './command.ts';

export interface Parsed {
  command: Command;
  args: string[];
  options: Options;
}

/** What each first word of a two-word command is about. */
export const GROUPS: Readonly<Record<string, string>> = {
  schemas: 'check, compare and register schemas',
  flow: 'look at a flow as a whole',
  station: 'look at stations, pause and resume them',
  source: 'prepare what extractors read',
  topic: 'look into topics',
  dlq: 'diagnose, correct and replay dead letters',
  replay: 'watch and cancel replays; run records again',
  k8s: 'deploy flows on Kubernetes',
};

/**
 * Reads a command line. Help goes to `out`.
 * @returns undefined when help or the version was all that was asked for.
 * @throws Fault USAGE
 */
export async function parse(
  commands: readonly Command[],
  version: string,
  argv: readonly string[],
  out: (text: string) => void,
): Promise<Parsed | undefined> {
  let parsed: Parsed | undefined;
  const program = newParser('quadrille')
    .description('Event-choreographed ETL on Apache Kafka')
    .version(version, '-V, --version', 'print the version')
    .option('--color <when>', 'colours: auto, always or never (NO_COLOR is heeded)')
    .addHelpText(
      'after',
      '\nStart with `quadrille up FLOW`. Exit codes: 0 done, 1 findings or error, 2 cancelled, 3 partly done, 4 not allowed, 64 usage.',
    );
  configure(program, out);
  const groups = new Map<string, Parser>();
  for (const command of commands) {
    const words = command.path.split(' ');
    let parent = program;
    if (words.length === 2) {
      parent = groups.get(words[0]!) ?? configure(program.command(words[0]!).description(GROUPS[words[0]!] ?? ''), out);
      groups.set(words[0]!, parent);
    }
    declare(parent, words.at(-1)!, command, out, (args, options) => {
      parsed = { command, args, options };
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === 'commander.help') {
      if (error.code === 'commander.help')
        throw new Fault('USAGE', 'a command is missing', {
          help: argv.length === 0 ? 'quadrille --help' : `quadrille ${argv.join(' ')} --help`,
        });
      return undefined;
    }
    throw usageFault(error, argv);
  }
  return parsed;
}

function newParser(name: string): Parser {
  return new Parser(name);
}

function configure(parser: Parser, out: (text: string) => void): Parser {
  // What is wrong is said once, by reportError, in the form of all errors.
  return parser
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: () => {} })
    .showSuggestionAfterError(true)
    .helpCommand('help [command]', 'show help');
}

function declare(
  parent: Parser,
  word: string,
  command: Command,
  out: (text: string) => void,
  chosen: (args: string[], options: Options) => void,
): void {
  const parser = configure(parent.command(word), out).summary(command.summary).helpCommand(false);
  parser.description(
    command.description === undefined ? command.summary : `${command.summary}\n\n${command.description}`,
  );
  for (const [name, description] of command.arguments ?? [])
    parser.addArgument(new Argument(name.startsWith('[') ? name : `<${name}>`, description));
  for (const [flags, description] of command.options ?? []) parser.option(flags, description);
  if (command.lists === true) parser.option('-o, --output <format>', 'table, wide, json or jsonl');
  parser.addHelpText(
    'after',
    `\nExamples:\n${command.examples.map((example) => `  $ quadrille ${example}`).join('\n')}`,
  );
  parser.action((...given: unknown[]) => {
    const args = given.slice(0, command.arguments?.length ?? 0).flat() as (string | undefined)[];
    chosen(
      args.filter((arg): arg is string => arg !== undefined),
      parser.optsWithGlobals(),
    );
  });
}

function usageFault(error: CommanderError, argv: readonly string[]): Fault {
  const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const near = /\(Did you mean (?:one of )?(.+)\?\)/.exec(suggestion ?? '')?.[1];
  const words = argv
    .filter((word) => !word.startsWith('-'))
    .slice(0, 2)
    .join(' ');
  return new Fault('USAGE', what, {
    help:
      near === undefined ? `see \`quadrille ${words === '' ? '' : `${words} `}--help\`` : `did you mean \`${near}\`?`,
  });
}
