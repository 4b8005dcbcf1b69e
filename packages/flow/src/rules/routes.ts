/** Topics that rules send records to, held against those that their station writes. */
import { helpFor } from '../json-schema-problem.ts';

/** What is wrong with a topic that the station does not write, and what to do; undefined when it does. */
export function unwritten(topic: string, topics: readonly string[]): { what: string; help: string } | undefined {
  if (topics.includes(topic)) return undefined;
  return {
    what: `the station does not write topic \`${topic}\``,
    help: helpFor(topic, topics) ?? 'name it under the station’s `to`',
  };
}
