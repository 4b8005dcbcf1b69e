/** Items that became dead letters: an API that answers with them at every poll makes no more of them while they are the same. */
import { markOf } from './since.ts';

/** So many are known again. */
const MARKED = 1_000;

export class Refused {
  readonly #marks: Set<string>;

  constructor(marks: readonly string[] = []) {
    this.#marks = new Set(marks);
  }

  add(item: unknown): void {
    this.#marks.add(markOf(item));
    if (this.#marks.size <= MARKED) return;
    const [oldest] = this.#marks;
    this.#marks.delete(oldest!);
  }

  has(item: unknown): boolean {
    return this.#marks.size > 0 && this.#marks.has(markOf(item));
  }

  /** For the position; undefined: none. */
  get marks(): readonly string[] | undefined {
    return this.#marks.size === 0 ? undefined : [...this.#marks];
  }
}
