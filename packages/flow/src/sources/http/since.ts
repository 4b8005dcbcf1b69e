/** How far an incremental reading has got: the greatest value of a field, and which items have it. */
import { createHash } from 'node:crypto';
import { textReader } from '../../avro/coerce.ts';
import { parseDay } from '../../avro/day.ts';
import { POINTER, pointed } from '../../http/pointer.ts';

export interface SinceConfig {
  field: string;
  parameter: string;
  start?: string;
}

/** For the JSON Schema of the source. */
export const sinceProperty = {
  description:
    'Only what is new or changed: the greatest value seen of a field is sent with each poll. Items with that very value come once, whether the API answers with them again or not.',
  type: 'object',
  properties: {
    field: {
      description:
        'A JSON Pointer in the item, to a whole number, a date or a time with its zone; it is the version too.',
      type: 'string',
      pattern: POINTER,
      minLength: 1,
    },
    parameter: { description: 'The query parameter that takes it.', type: 'string', minLength: 1 },
    start: { description: 'What is sent at first; absent: nothing.', type: 'string' },
  },
  required: ['field', 'parameter'],
  additionalProperties: false,
} as const;

/** A value, and marks of the items that have it. */
export interface Mark {
  /** As the API writes it. */
  value: string;
  items: readonly string[];
}

/** So many items of one value are known again; of more, some come twice, with the version that they had. */
const MARKED = 1_000;

/** An item is known again by its content. */
export const markOf = (item: unknown): string =>
  createHash('sha256').update(JSON.stringify(item)).digest('base64').slice(0, 16);

const instant = textReader('timestamp-micros', true);

/**
 * A value as a version: numbers as they are, times as microseconds since 1970.
 * @returns undefined when it is neither, or not between 0 and 2^53-1.
 */
export function sinceVersion(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : typeof value === 'string' ? ofText(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function ofText(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const day = parseDay(text);
  return day === undefined ? Number(instant(text) ?? Number.NaN) : day * 86_400_000_000;
}

/** What is known of a poll's items while they are read. */
export class Since {
  readonly #config: SinceConfig;
  /** Sent with this poll. */
  begun: Mark | undefined;
  #value: string | undefined;
  #version = -1;
  /** Those read in this process that have the greatest value, and the marks of those before. */
  #items: unknown[] = [];
  #marks: readonly string[] = [];
  #known = new Set<string>();

  constructor(config: SinceConfig, begun: Mark | undefined, reached: Mark | undefined) {
    this.#config = config;
    this.begun = begun;
    this.#known = new Set(begun?.items);
    if (reached === undefined) return;
    this.#value = reached.value;
    this.#version = sinceVersion(reached.value) ?? -1;
    this.#marks = reached.items;
  }

  /** A new poll: what was reached is where it begins. */
  begin(): void {
    this.begun = this.reached;
    this.#known = new Set(this.begun?.items);
  }

  /** The parameter of this poll. */
  get query(): Record<string, string> {
    const value = this.begun?.value ?? this.#config.start;
    return value === undefined ? {} : { [this.#config.parameter]: value };
  }

  /** The version of an item; undefined when it has none. */
  versionOf(item: unknown): number | undefined {
    return sinceVersion(pointed(item, this.#config.field));
  }

  /** Whether the poll before has brought this very item. */
  isKnown(item: unknown): boolean {
    if (this.#known.size === 0 || String(pointed(item, this.#config.field)) !== this.begun?.value) return false;
    return this.#known.has(markOf(item));
  }

  /** Takes note of an item that is delivered. */
  see(item: unknown, version: number): void {
    if (version < this.#version) return;
    if (version > this.#version) {
      this.#version = version;
      this.#value = String(pointed(item, this.#config.field));
      this.#items = [];
      this.#marks = [];
    }
    this.#items.push(item);
  }

  /** The greatest value seen so far. */
  get reached(): Mark | undefined {
    if (this.#value === undefined) return undefined;
    if (this.#items.length > 0) {
      this.#marks = [...this.#marks, ...this.#items.map(markOf)].slice(-MARKED);
      this.#items = [];
    }
    return { value: this.#value, items: this.#marks };
  }
}
