/** Completion scripts, made of the table of commands. */
import type { Command } from './command.ts';

/** The words after `quadrille`, and after each first word that has two. */
function words(commands: readonly Command[]): Map<string, string[]> {
  const after = new Map<string, string[]>([['', []]]);
  const add = (key: string, word: string): void => {
    const list = after.get(key) ?? [];
    after.set(key, list);
    if (!list.includes(word)) list.push(word);
  };
  for (const command of commands) {
    const [first, second] = command.path.split(' ') as [string, string | undefined];
    add('', first);
    if (second !== undefined) add(first, second);
    const flags = [
      ...(command.options ?? []).map(([option]) => option),
      ...(command.lists ? ['-o, --output'] : []),
      '--help',
    ];
    for (const flag of flags) add(command.path, /--[a-z-]+/.exec(flag)?.[0] ?? flag);
  }
  return after;
}

/** Where the next word can only be one of these, and no file: at the beginning, and after a first word that needs a second. */
const isClosed = (key: string, after: ReadonlyMap<string, string[]>): boolean =>
  key === '' || [...after.keys()].some((other) => other.startsWith(`${key} `));

export function completionScript(shell: 'bash' | 'zsh' | 'fish', commands: readonly Command[]): string {
  const after = words(commands);
  if (shell === 'fish') return fish(after);
  const cases = [...after]
    .map(([key, list]) => `    '${key}') words='${list.join(' ')}'${isClosed(key, after) ? " files=''" : ''} ;;`)
    .join('\n');
  const bash = `_quadrille() {
  local words='' files=yes current="\${COMP_WORDS[COMP_CWORD]}" path="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  case "$path" in
${cases}
    *) case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${[...after.keys()]
  .filter((key) => key.includes(' '))
  .map((key) => `      '${key}') words='${after.get(key)!.join(' ')}' ;;`)
  .join('\n')}
      *) case "\${COMP_WORDS[1]}" in
${[...after]
  .filter(([key]) => key !== '' && !key.includes(' '))
  .map(([key, list]) => `        '${key}') words='${list.join(' ')}' ;;`)
  .join('\n')}
      esac ;;
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ -z "$files" ] || COMPREPLY+=($(compgen -f -- "$current"))
}
complete -o filenames -F _quadrille quadrille
`;
  return shell === 'bash' ? bash : `#compdef quadrille\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function fish(after: ReadonlyMap<string, string[]>): string {
  const lines: string[] = [];
  for (const [key, list] of after) {
    const [first, second] = key.split(' ') as [string, string | undefined];
    const when =
      key === ''
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${first}${second === undefined ? '' : `; and __fish_seen_subcommand_from ${second}`}`;
    const files = isClosed(key, after) ? '-f ' : '';
    for (const word of list)
      lines.push(
        `complete -c quadrille -n '${when}' ${files}${word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`}`,
      );
  }
  return `${lines.join('\n')}\n`;
}
