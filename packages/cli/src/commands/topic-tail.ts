/** `quadrille topic tail`: records of a topic, decoded, as JSON lines. */
import { setTimeout as wait } from 'node:timers/promises';
import { closest } from '@quadrille/flow';
import { Fault, type OffsetRange } from '@quadrille/record';
import { readRanges } from '@quadrille/station';
import { type Command, type Context, wholeNumber } from '../command.ts';
import { AnyDecoder, headersOf } from '../decode.ts';
import type { KafkaRecord } from '../dlq/dead-letter.ts';
import { EXIT } from '../exit.ts';
import { toJson } from '../print/output.ts';
import { type Servers, withServers } from '../servers.ts';

const DEFAULT_LIMIT = 10;
const LOOK_MS = 1_000;
/** Read and printed at a time, so that memory stays bounded. */
const CHUNK = 2_000;

export const topicTail: Command = {
  path: 'topic tail',
  summary: 'print records of a topic as JSON lines',
  description: 'The newest, in order of time; with --from-beginning the oldest, partition by partition.',
  arguments: [['TOPIC', 'name of the topic']],
  options: [
    ['--from-beginning', 'from the first record on, to the present end'],
    ['--limit <n>', `at most so many (default ${DEFAULT_LIMIT}; all with --from-beginning)`],
    ['-f, --follow', 'go on with what comes, until Ctrl-C'],
  ],
  examples: [
    'topic tail flights.enriched',
    'topic tail flights.enriched --from-beginning --limit 100',
    'topic tail dlq.flights.qualified -f',
  ],
  run: async (context, [topic = ''], options) => {
    const fromBeginning = options.fromBeginning === true;
    const limit = wholeNumber(options, 'limit', 1) ?? (fromBeginning ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
    return withServers(context, async (servers) => {
      const topics = await servers.admin.listTopics();
      if (!topics.includes(topic)) {
        const near = closest(topic, topics);
        throw new Fault('NOT_FOUND', `topic ${topic}`, {
          help: near === undefined ? 'see `quadrille topic list`' : `did you mean \`${near}\`?`,
        });
      }
      const print = printer(context, servers, topic);
      let bounds = await servers.admin.bounds(topic);
      if (fromBeginning)
        await print.chunks(
          bounds.map(({ low, high }, partition) => ({ topic, partition, from: low, to: high })),
          limit,
        );
      else
        await print.newest(
          bounds.map(({ low, high }, partition) => ({ topic, partition, from: Math.max(low, high - limit), to: high })),
          limit,
        );
      while (options.follow === true && !context.cancel.aborted) {
        await wait(LOOK_MS, undefined, { signal: context.cancel }).catch(() => {});
        const next = await servers.admin.bounds(topic);
        const ranges = next.map(({ high }, partition) => ({
          topic,
          partition,
          from: bounds[partition]?.high ?? 0,
          to: high,
        }));
        await print.newest(ranges, Number.POSITIVE_INFINITY);
        bounds = next;
      }
      return EXIT.done;
    });
  },
};

function printer(context: Context, { kafka, registry }: Servers, topic: string) {
  const decoder = new AnyDecoder(registry);
  async function read(ranges: readonly OffsetRange[]): Promise<{ partition: number; record: KafkaRecord }[]> {
    const found: { partition: number; record: KafkaRecord }[] = [];
    const full = ranges.filter(({ from, to }) => to > from);
    if (full.length > 0)
      await readRanges(kafka, full, (_, partition, record) => void found.push({ partition, record }));
    return found;
  }
  async function write(partition: number, record: KafkaRecord): Promise<void> {
    const decoded = await decoder.decode(record.value);
    const value =
      decoded === null
        ? { value: null }
        : 'problem' in decoded
          ? { undecoded: decoded.text, problem: decoded.problem }
          : { value: decoded.value, schemaId: decoded.schemaId };
    const { offset, timestamp, key } = record;
    context.out(
      `${toJson({ topic, partition, offset: Number(offset), timestamp: new Date(Number(timestamp)).toISOString(), key: key?.toString('utf8') ?? null, headers: headersOf(record), ...value })}\n`,
    );
  }
  return {
    async newest(ranges: readonly OffsetRange[], limit: number): Promise<void> {
      const found = (await read(ranges)).sort(
        (a, b) =>
          Number(a.record.timestamp) - Number(b.record.timestamp) || Number(a.record.offset) - Number(b.record.offset),
      );
      for (const { partition, record } of found.slice(Number.isFinite(limit) ? -limit : 0))
        await write(partition, record);
    },
    async chunks(ranges: readonly OffsetRange[], limit: number): Promise<void> {
      let left = limit;
      for (const range of ranges) {
        for (let from = range.from; from < range.to && left > 0; from += CHUNK) {
          for (const { partition, record } of await read([{ ...range, from, to: Math.min(range.to, from + CHUNK) }])) {
            if (left-- > 0) await write(partition, record);
          }
        }
      }
    },
  };
}
