/** What an operator does to stations, and what others do to their topics. */
import { type ControlEvent, controlEvent, Outlet, tell } from '@quadrille/station';
import type { FlowFixture } from '../harness/index.ts';

export async function say(flow: FlowFixture, event: Partial<ControlEvent> & Pick<ControlEvent, 'kind'>): Promise<void> {
  const outlet = new Outlet(flow.clients.kafka);
  try {
    await tell(outlet, controlEvent({ flow: flow.name, by: 'test', ...event }));
  } finally {
    await outlet.close();
  }
}

/** Deletes the records of partition 0 below an offset, as retention does. */
export async function deleteBelow(flow: FlowFixture, topic: string, offset: number): Promise<void> {
  const { raw } = flow.clients;
  const name = flow.text(topic);
  // kafkajs does not look for the leader of a topic that it has not heard of yet.
  await raw.fetchTopicOffsets(name);
  await raw.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset: String(offset) }] });
}
