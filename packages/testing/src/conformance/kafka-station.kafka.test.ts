import { guardAgainstLeaks } from '../harness/index.ts';
import { TopicOfOthers } from '../sources/topic-of-others.ts';
import { ITEMS, sourceStationConformance } from './source-station.ts';

guardAgainstLeaks();

const bodies = Array.from({ length: ITEMS }, (_, n) => JSON.stringify({ id: `r${n}`, n }));

/** Where what is read stands, of the test that runs. */
let env: Record<string, string> = {};

sourceStationConformance({
  name: 'kafka',
  extractor: '{ type: kafka, cluster: OTHER, topic: FLOW-others, format: json }',
  bad: [
    { code: 'ROW_MALFORMED', place: /^t[0-9a-f]+-others-0@2000$/ },
    { code: 'FIELD_INVALID', place: /^t[0-9a-f]+-others-2@2000$/ },
  ],
  async prepare(flow) {
    const topic = await TopicOfOthers.create(3, flow.text('FLOW-others'));
    env = topic.env;
    const messages = bodies.map((value, n) => ({ key: `r${n}`, value }));
    for (const partition of [0, 1, 2])
      await topic.send(
        partition,
        messages.filter((_, n) => n % 3 === partition),
      );
    await topic.send(0, [{ key: 'bad', value: 'not JSON' }]);
    await topic.send(2, [{ key: 'bad', value: '{"id":"bad","n":"no number"}' }]);
    return () => topic[Symbol.asyncDispose]();
  },
  env: () => env,
});
