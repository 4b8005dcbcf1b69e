/** Dead letters of one cause: same fingerprint, so same station, code, field and place in the rule. */
import type { DeadLetter } from './dead-letter.ts';

export interface DeadLetterGroup {
  fingerprint: string;
  count: number;
  code: string;
  field: string | undefined;
  station: string;
  /** The topics its dead letters stand in. */
  topics: string[];
  /** ISO-8601. */
  first: string;
  last: string;
  /** Of the newest. */
  message: string;
}

/** The largest first. */
export class Grouping {
  #groups = new Map<string, DeadLetterGroup>();

  add({ fingerprint, code, field, station, group, topic, first, last, message }: DeadLetter): void {
    const key = `${group} ${fingerprint}`;
    const known = this.#groups.get(key);
    if (known === undefined) {
      this.#groups.set(key, { fingerprint, count: 1, code, field, station, topics: [topic], first, last, message });
      return;
    }
    known.count++;
    if (!known.topics.includes(topic)) known.topics.push(topic);
    if (first < known.first) known.first = first;
    if (last >= known.last) {
      known.last = last;
      known.message = message;
    }
  }

  get groups(): DeadLetterGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count || (a.fingerprint < b.fingerprint ? -1 : 1));
  }
}
