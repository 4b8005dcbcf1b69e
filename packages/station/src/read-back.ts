/** How far the shards of a partition were read: out of its positions topic, below the committed offset. */
import type { Fault } from '@quadrille/record';
import { type ChainStart, offsetsLost } from './chains.ts';
import type { KafkaMessage } from './kafka/types.ts';
import { positionCodec } from './own-topics.ts';
import type { ShardLane } from './shard-lane.ts';

/**
 * Positions lie below the committed offset; what stands beyond, or between those of the chain, does not count.
 * @returns a fault when the partition must not go on.
 */
export function beginReadBack(lane: ShardLane, topic: string, start: ChainStart): 'nothing' | 'reading' | Fault {
  if (start.lost !== undefined) return offsetsLost(topic, start.partition, start.lost.from, start.lost.to);
  lane.prev = start.prev;
  lane.next = start.from;
  lane.settled = start.from;
  lane.until = start.offset;
  lane.counting = start.positions;
  return start.offset === 0 ? 'nothing' : 'reading';
}

/** @returns whether these were the last ones. */
export function readBack(lane: ShardLane, topic: string, messages: readonly KafkaMessage[]): boolean {
  if (lane.until === undefined || lane.ready) return false;
  let done = false;
  for (const message of messages) {
    const offset = Number(message.offset);
    if (offset >= lane.until) continue;
    if (lane.counting === undefined || lane.counting.has(offset)) {
      const state = positionCodec.decode(message.value, `${topic}[${lane.partition}]@${offset}`);
      lane.shards.set(state.shard, state);
    }
    if (offset === lane.until - 1) done = true;
  }
  return done;
}
