/** A block of lines at the end of a terminal, drawn over itself without flicker. */
import type { Context } from '../command.ts';

type Terminal = NonNullable<Context['terminal']>;

const ESC = '\u001b[';
/** Escape sequences have no width. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what an escape sequence starts with
const ESCAPES = /\u001b\[[0-9;]*m/g;

export class LiveBlock {
  #terminal: Terminal;
  #drawn: string[] = [];
  #stopListening: () => void;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#stopListening = terminal.onResize(() => this.draw(this.#drawn));
    terminal.write(`${ESC}?25l`);
  }

  /** One write a drawing: each line is overwritten, then its rest erased, so that nothing is ever blank in between. */
  draw(lines: readonly string[]): void {
    const block = lines.map((line) => `${line}${ESC}K\n`).join('');
    this.#terminal.write(`${this.#up()}${block}${ESC}J`);
    this.#drawn = [...lines];
  }

  /** A line that stays, above the block. */
  above(line: string): void {
    const rest = this.#drawn.map((each) => `${each}${ESC}K\n`).join('');
    const said = line
      .split('\n')
      .map((each) => `${each}${ESC}K\n`)
      .join('');
    this.#terminal.write(`${this.#up()}${said}${rest}${ESC}J`);
  }

  close(): void {
    this.#stopListening();
    this.#terminal.write(`${ESC}?25h`);
  }

  /** To where the block began; lines that a narrower terminal has wrapped count as several. */
  #up(): string {
    const { columns } = this.#terminal;
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(line.replace(ESCAPES, '').length / columns)),
      0,
    );
    return rows === 0 ? '' : `${ESC}${rows}A\r`;
  }
}
