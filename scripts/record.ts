/**
 * Records commands as a person would see them in a terminal: `node scripts/record.ts OUT.svg < COMMANDS`. Each line is run
 * in turn, in this folder, and shown with what it printed; `# …` is shown alone; `NAME=…` runs unseen, and what it prints
 * stands for `$NAME` in the lines below. `quadrille` means this clone's. Fails when a command fails.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A line that was typed, or that was printed, and when it came, ms from the start. */
export interface ShownLine {
  text: string;
  typed: boolean;
  at: number;
}

/** A piece of what a command prints, and how long it took since the last, ms. */
interface Printed {
  text: string;
  after: number;
}

const ROWS = 30;
const COLUMNS = 150;
const LINE = 18;
const CHARACTER = 8;
const MARGIN = 14;
/** Between what one types and the first answer, and between answers: as long as it took, within reason. */
const LONGEST_WAIT_MS = 1_500;
const READING_MS = 2_500;
const TYPING_MS = 35;

/** An SVG that plays the lines in a window of 30 rows and begins again. Readers without animation see its beginning. */
export function drawing(lines: readonly ShownLine[]): string {
  const end = (lines.at(-1)?.at ?? 0) + 2 * READING_MS;
  const percent = (at: number): string => `${Math.round((at / end) * 10_000) / 100}%`;
  const width = COLUMNS * CHARACTER + 2 * MARGIN;
  const height = ROWS * LINE + 2 * MARGIN;
  const styles = new Map<number, string>();
  const texts = lines.map(({ text, typed, at }, row) => {
    if (!styles.has(at)) styles.set(at, `t${styles.size}`);
    const shown = escaped(text.length > COLUMNS ? `${text.slice(0, COLUMNS - 1)}…` : text);
    return `<text class="${typed ? 'typed ' : ''}${styles.get(at)}" x="0" y="${row * LINE + 13}">${shown}</text>`;
  });
  const scrolls = [...styles.keys()].map((at) => {
    const last = lines.findLastIndex((line) => line.at <= at);
    return `${percent(at)}{transform:translateY(${-Math.max(0, last + 1 - ROWS) * LINE}px)}`;
  });
  const shows = [...styles].map(
    ([at, name]) =>
      `.${name}{animation:${name} ${end}ms step-end infinite}@keyframes ${name}{0%{opacity:0}${percent(at)}{opacity:1}}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>
text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d0d0d0;white-space:pre}
.typed{fill:#8ae234}
#lines{animation:scroll ${end}ms step-end infinite}
@keyframes scroll{${scrolls.join('')}}
${shows.join('\n')}
</style>
<rect width="100%" height="100%" rx="6" fill="#1e1e1e"/>
<svg x="${MARGIN}" y="${MARGIN}" width="${width - 2 * MARGIN}" height="${ROWS * LINE}"><g id="lines">
${texts.join('\n')}
</g></svg>
</svg>
`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0');

/** Runs the commands. @param run gives what one prints; of a hidden one without its hints. */
export async function record(
  commands: readonly string[],
  run: (command: string, env: Readonly<Record<string, string>>, hidden: boolean) => AsyncIterable<Printed>,
): Promise<ShownLine[]> {
  const lines: ShownLine[] = [];
  const values: Record<string, string> = {};
  let now = 500;
  for (const command of commands) {
    const [, name, hidden] = /^([A-Z_]+)=(.*)$/.exec(command) ?? [];
    if (name !== undefined) {
      let text = '';
      for await (const piece of run(hidden!, values, true)) text += piece.text;
      values[name] = text.trim();
      continue;
    }
    const shown = command.replace(/\$([A-Z_]+)/g, (word, key: string) => values[key] ?? word);
    now += shown.length * TYPING_MS;
    if (lines.length > 0) lines.push({ text: '', typed: false, at: now });
    lines.push({ text: shown.startsWith('#') ? shown : `$ ${shown}`, typed: true, at: now });
    if (shown.startsWith('#')) continue;
    let rest = '';
    for await (const { text, after } of run(command, values, false)) {
      now += Math.min(LONGEST_WAIT_MS, Math.round(after / 100) * 100);
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      for (const part of parts) lines.push({ text: part, typed: false, at: now });
    }
    if (rest !== '') lines.push({ text: rest, typed: false, at: now });
    now += READING_MS;
  }
  return lines;
}

async function* runShell(
  command: string,
  values: Readonly<Record<string, string>>,
  hidden: boolean,
): AsyncGenerator<Printed> {
  const bin = mkdtempSync(join(tmpdir(), 'quadrille-record-'));
  symlinkSync(fileURLToPath(new URL('../bin/quadrille.js', import.meta.url)), join(bin, 'quadrille'));
  try {
    const path = `${bin}${delimiter}${process.env.PATH}`;
    const child = spawn('sh', ['-c', hidden ? command : `exec 2>&1\n${command}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...values, PATH: path, NO_COLOR: '1' },
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    let last = Date.now();
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      yield { text: chunk as string, after: Date.now() - last };
      last = Date.now();
    }
    const code = await ended;
    if (code !== 0) throw new Error(`${command}\nended with ${code}`);
  } finally {
    rmSync(bin, { recursive: true });
  }
}

if (import.meta.main) {
  const [out] = process.argv.slice(2);
  if (out === undefined) throw new Error('node scripts/record.ts OUT.svg < COMMANDS');
  const commands = readFileSync(0, 'utf8').split('\n').filter(Boolean);
  writeFileSync(out, drawing(await record(commands, runShell)));
}
