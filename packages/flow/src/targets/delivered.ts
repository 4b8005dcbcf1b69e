/**
 * What a receiver has taken of a write that then failed: the engine writes the same rows again, and those are not sent twice.
 * It lives as long as the process; after a crash they are sent again, with the same identity.
 */
import type { Fault } from '@quadrille/record';
import type { Outcome, TargetRow } from '../target.ts';

type Answer = Outcome | Fault;

export class Delivered {
  readonly #answers = new Map<string, Answer>();

  /**
   * @param send sends the rows it is given, and notes each answer as soon as it is there.
   * @returns an answer a row. @throws what `send` throws; what was noted by then is remembered.
   */
  async write(
    rows: readonly TargetRow[],
    send: (open: TargetRow[], note: (index: number, answer: Answer) => void) => Promise<void>,
  ): Promise<Answer[]> {
    const answers = rows.map((row) => this.#answers.get(placeOf(row)));
    const open = answers.flatMap((answer, i) => (answer === undefined ? [i] : []));
    try {
      await send(
        open.map((i) => rows[i] as TargetRow),
        (index, answer) => {
          answers[open[index] as number] = answer;
        },
      );
    } catch (error) {
      for (const i of open) {
        const answer = answers[i];
        if (answer !== undefined) this.#answers.set(placeOf(rows[i] as TargetRow), answer);
      }
      throw error;
    }
    this.#answers.clear();
    return answers as Answer[];
  }
}

const placeOf = ({ topic, partition, offset }: TargetRow): string => `${partition}/${offset}/${topic}`;
