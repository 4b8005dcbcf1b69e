/** The target `sqs`: rows as messages of a queue. What comes again is told by SQS for five minutes, then by the receiver. */
import { createHash } from 'node:crypto';
import { Fault } from '@quadrille/record';
import { Queue, type QueueConfig } from '../sqs/queue.ts';
import type { Outcome, Target, TargetContext, TargetRow, TargetType } from '../target.ts';
import { Delivered } from './delivered.ts';
import { type ItemWriter, itemWriter } from './item.ts';
import { lanesOf, runLanes } from './lanes.ts';
import { contentHash } from './row-order.ts';
import { type QueueEntry, sendTo } from './sqs-sending.ts';

export interface SqsConfig extends QueueConfig {
  bytes?: number;
}

/** Most that one request may hold. */
const MESSAGES = 10;

/**
 * Example:
 *
 *     alerts: { loader: { type: sqs, address: ALERTS_QUEUE_URL }, from: readings.alarming }
 */
export const sqs: TargetType<SqsConfig> = {
  type: 'sqs',
  doc: 'A queue of Amazon SQS. The body is `{"id", "version", "revision", "deleted", "value"}` as JSON; the attributes `version`, `revision` and `deleted` say the same. In a FIFO queue the group is the id, so that its versions keep their order, and the deduplication id is made of id, version, revision and content, so that SQS itself leaves out what comes again within five minutes; later, and in other queues, the receiver tells it. Credentials as the AWS SDK finds them.',
  features: {
    '': { late: 'sent', again: 'receiver', whole: false, dryRun: 'checks', deletes: 'a message with `deleted`' },
  },
  config: {
    type: 'object',
    properties: {
      address: {
        description: 'Name of the environment variable that holds the queue’s URL.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        default: 'SQS_QUEUE_URL',
      },
      region: { description: 'Region; by default that of the URL, then AWS_REGION.', type: 'string', minLength: 1 },
      bytes: {
        description: 'The largest request, and message, that the queue takes.',
        type: 'integer',
        minimum: 1024,
        maximum: 1_048_576,
        default: 262_144,
      },
      connections: {
        description: 'At most so many connections an instance.',
        type: 'integer',
        minimum: 1,
        maximum: 100,
        default: 2,
      },
      timeoutMs: { description: 'Time for one request, in ms.', type: 'integer', minimum: 100, default: 30_000 },
    },
    additionalProperties: false,
  },
  create: (config, context) => new SqsTarget(config, context),
};

class SqsTarget implements Target {
  readonly #config: SqsConfig;
  readonly #items: ItemWriter;
  readonly #queue: Queue;
  readonly #delivered = new Delivered();

  constructor(config: SqsConfig, { fields, env }: TargetContext) {
    this.#config = config;
    this.#items = itemWriter(fields);
    this.#queue = new Queue({ ...config, address: config.address ?? 'SQS_QUEUE_URL' }, env, 'TARGET_UNAVAILABLE');
  }

  open(): Promise<void> {
    return this.#queue.open();
  }

  async write(rows: TargetRow[], dryRun = false): Promise<(Outcome | Fault)[]> {
    const limit = this.#config.bytes ?? 262_144;
    const entryOf = (row: TargetRow): QueueEntry | Fault => {
      const entry = this.#entry(row);
      const size = sizeOf(entry);
      return size <= limit
        ? entry
        : new Fault('TARGET_REFUSED', `a message of ${size} bytes, the queue takes ${limit}`);
    };
    if (dryRun) return rows.map((row) => refusalOf(entryOf(row)) ?? 'written');
    return this.#delivered.write(rows, async (open, note) => {
      const entries = open.map(entryOf);
      for (const [i, entry] of entries.entries()) if (entry instanceof Fault) note(i, entry);
      const lanes = lanesOf(open, this.#config.connections ?? 2).map((lane) => ({
        left: lane.filter((i) => !(entries[i] instanceof Fault)),
      }));
      await runLanes(lanes, async (lane) => {
        const batch = nextBatch(lane.left, entries as QueueEntry[], limit);
        lane.left = lane.left.slice(batch.length);
        if (batch.length > 0) await this.#deliver(batch, entries as QueueEntry[], note);
        return lane.left.length > 0;
      });
    });
  }

  async close(): Promise<void> {
    this.#queue.close();
  }

  #entry(row: TargetRow): QueueEntry {
    const { id, version, revision, bytes } = row;
    const attributes = { version: String(version), revision: String(revision), deleted: String(row.value === null) };
    // SQS takes no other characters than those of XML 1.0.
    const body = this.#items
      .record(row)
      .replace(/[\ufffe\uffff]/g, (each) => (each === '\ufffe' ? '\\ufffe' : '\\uffff'));
    if (!this.#queue.isFifo) return { body, attributes };
    const content = bytes === null ? '-' : contentHash(bytes);
    return { body, attributes, group: groupOf(id), deduplication: digest(`${version}/${revision}/${content}/${id}`) };
  }

  async #deliver(
    batch: readonly number[],
    entries: readonly QueueEntry[],
    note: (index: number, answer: Outcome | Fault) => void,
  ): Promise<void> {
    const answers = await sendTo(
      this.#queue,
      batch.map((i) => entries[i] as QueueEntry),
    );
    if (batch.length > 1 && answers.every((answer) => typeof answer === 'object')) {
      const middle = batch.length >>> 1;
      await this.#deliver(batch.slice(0, middle), entries, note);
      return this.#deliver(batch.slice(middle), entries, note);
    }
    const place = this.#queue.url;
    for (const [i, answer] of answers.entries()) {
      if (answer === 'taken') note(batch[i] as number, 'written');
      else if (answer !== 'again') note(batch[i] as number, new Fault('TARGET_REFUSED', answer.refused, { place }));
    }
    const again = answers.filter((answer) => answer === 'again').length;
    if (again > 0)
      throw new Fault('TARGET_UNAVAILABLE', `${again} of ${batch.length} messages were not taken`, { place });
  }
}

/** Of a FIFO queue at most one of each group: when one of them fails, none that must follow it has gone out. */
function nextBatch(left: readonly number[], entries: readonly QueueEntry[], limit: number): number[] {
  const groups = new Set<string>();
  let size = 0;
  let count = 0;
  for (const i of left) {
    const entry = entries[i] as QueueEntry;
    size += sizeOf(entry);
    if (count === MESSAGES || (count > 0 && size > limit)) break;
    if (entry.group !== undefined && groups.has(entry.group)) break;
    if (entry.group !== undefined) groups.add(entry.group);
    count++;
  }
  return left.slice(0, count);
}

/** As SQS counts: the body, and of each attribute its name, type and value. */
const sizeOf = ({ body, attributes }: QueueEntry): number =>
  Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + name.length + 'String'.length + value.length,
    Buffer.byteLength(body),
  );

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A group's name has up to 128 characters of ASCII that can be seen; other ids go by their digest. */
const groupOf = (id: string): string => (/^[\x21-\x7e]{1,128}$/.test(id) ? id : digest(id));

const refusalOf = (entry: QueueEntry | Fault): Fault | undefined => (entry instanceof Fault ? entry : undefined);
