/** Takes out of answers what role view may not see: sensitive fields, ids and keys made of them, texts that may quote them. */
import { DLQ, FAULT, FORMER_HEADER, HEADER } from '@quadrille/record';
import type {
  AuditEntry,
  DeadLetter,
  DeadLetterDetail,
  DeadLetterGroup,
  DeadLetterWithValue,
  ReplayItem,
} from '../api/index.ts';
import type { Sensitivity, TopicSensitivity } from './sensitivity.ts';

export const MASKED = '•••';

type Shown = Record<string, unknown>;

/** All methods give a copy; what they were given stays as it was. */
export class Mask {
  readonly #sensitivity: Sensitivity;

  constructor(sensitivity: Sensitivity) {
    this.#sensitivity = sensitivity;
  }

  group(group: DeadLetterGroup): DeadLetterGroup {
    return { ...group, message: messageOf(this.#sensitivity.of(group.topic), group) };
  }

  deadLetter<T extends DeadLetter>(letter: T): T {
    const topic = this.#sensitivity.of(letter.topic);
    return {
      ...letter,
      message: messageOf(topic, letter),
      recordId: topic.ids ? hidden(letter.recordId) : letter.recordId,
      key: topic.keys ? hidden(letter.key) : letter.key,
    };
  }

  /** Without the bytes: they hold everything. */
  withValue(letter: DeadLetterWithValue): DeadLetterWithValue {
    const topic = this.#sensitivity.of(letter.topic);
    return {
      ...this.deadLetter(letter),
      value: shownOf(topic, letter.value),
      problem: topic.some ? hidden(letter.problem) : letter.problem,
      raw: null,
    };
  }

  detail(letter: DeadLetterDetail): DeadLetterDetail {
    const declared = this.#sensitivity.of(letter.topic);
    // The schema it was written with may have other marks than the one of today.
    const marked = new Set(letter.fields.filter(({ sensitive }) => sensitive).map(({ name }) => name));
    const topic: TopicSensitivity = {
      ...declared,
      some: declared.some || marked.size > 0,
      fields: new Set([...declared.fields, ...marked]),
      hides: (field) => declared.hides(field) || marked.has(field),
    };
    const neighbour = <N extends { recordId: string | null }>(each: N): N =>
      topic.ids ? { ...each, recordId: hidden(each.recordId) } : each;
    return {
      ...this.deadLetter(letter),
      message: messageOf(topic, letter),
      value: shownOf(topic, letter.value),
      fields: letter.fields.map((field) => ({
        ...field,
        value: topic.hides(field.name) ? hidden(field.value) : field.value,
      })),
      problem: topic.some ? hidden(letter.problem) : letter.problem,
      // Bytes as they are: nobody can say which of them are sensitive.
      text: hidden(letter.text),
      stack: isQuoting(topic, letter) ? hidden(letter.stack) : letter.stack,
      headers: letter.headers.map(({ name, value }) => ({
        name,
        value: isHeaderHidden(topic, name, letter) ? MASKED : value,
      })),
      history: letter.history.map((attempt) => ({ ...attempt, message: messageOf(topic, attempt) })),
      corrections: letter.corrections.map((each) => ({ ...each, value: shownOf(topic, each.value) })),
      before: letter.before.map(neighbour),
      after: letter.after.map(neighbour),
      masked: namesIn(letter).filter((name) => topic.hides(name)),
    };
  }

  item(item: ReplayItem): ReplayItem {
    const topic = this.#sensitivity.of(item.from.topic);
    return {
      ...item,
      recordId: topic.ids ? hidden(item.recordId) : item.recordId,
      message: item.message === null ? null : messageOf(topic, { message: item.message, field: item.field }),
      outputs: item.outputs.map((output) => {
        const to = this.#sensitivity.of(output.topic);
        return { ...output, key: to.keys ? hidden(output.key) : output.key, value: shownOf(to, output.value) };
      }),
    };
  }

  /** Conditions that operators have named may quote values. */
  audit(entry: AuditEntry): AuditEntry {
    return this.#sensitivity.any ? { ...entry, plan: withoutConditions(entry.plan) } : entry;
  }
}

const hidden = <T>(value: T): T | string => (value === null || value === undefined ? value : MASKED);

/** Members of an object by name; anything else that a topic with sensitive fields holds is hidden whole. */
function shownOf(topic: TopicSensitivity, value: unknown): unknown {
  if (!topic.some || value === null || value === undefined) return value;
  if (typeof value !== 'object' || Array.isArray(value)) return MASKED;
  return Object.fromEntries(
    Object.entries(value as Shown).map(([name, each]) => [name, topic.hides(name) ? hidden(each) : each]),
  );
}

const namesIn = ({ value, fields }: DeadLetterDetail): string[] => [
  ...new Set([...fields.map(({ name }) => name), ...Object.keys((value ?? {}) as object)]),
];

interface Told {
  message: string;
  field: string | null;
}

/**
 * A message may quote what its rule or target stumbled over. It is shown where nothing is sensitive, and where it names a
 * field that is not, and no other that is.
 */
function isQuoting(topic: TopicSensitivity, { message, field }: Told): boolean {
  if (!topic.some && !topic.ids) return false;
  return field === null || topic.hides(field) || [...topic.fields].some((name) => message.includes(name));
}

const messageOf = (topic: TopicSensitivity, told: Told): string => (isQuoting(topic, told) ? MASKED : told.message);

/** Headers of other systems may hold anything. */
function isHeaderHidden(topic: TopicSensitivity, name: string, told: Told): boolean {
  if (name === HEADER || name === FORMER_HEADER) return topic.ids || topic.keys;
  if (name === `${DLQ}message` || name === `${FAULT}stack`) return isQuoting(topic, told);
  if (name.startsWith(DLQ) || name.startsWith(FAULT) || name.startsWith(`${HEADER}.`)) return false;
  return topic.some || topic.ids || topic.keys;
}

const CONDITIONS = new Set(['where', 'key', 'record']);

function withoutConditions(plan: unknown): unknown {
  if (Array.isArray(plan)) return plan.map(withoutConditions);
  if (typeof plan !== 'object' || plan === null) return plan;
  return Object.fromEntries(
    Object.entries(plan).map(([name, each]) => [name, CONDITIONS.has(name) ? MASKED : withoutConditions(each)]),
  );
}
