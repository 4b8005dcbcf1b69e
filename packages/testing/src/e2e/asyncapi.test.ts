/** What `quadrille docs` writes for programs, held against the official parser of AsyncAPI and its parser of Avro schemas. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { Parser } from '@asyncapi/parser';
import { readFlow } from '@quadrille/flow';
import { ROOT } from '../harness/index.ts';
import { MAIN } from './command.ts';

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quadrille-asyncapi-'));
});
after(() => rm(folder, { recursive: true }));

async function documentOf(flow: string): Promise<string> {
  await promisify(execFile)(process.execPath, [MAIN, 'docs', join(ROOT, flow), '--out', folder]);
  return readFile(join(folder, `${flow.split('/').at(-1)}.asyncapi.json`), 'utf8');
}

const FLOWS = readdirSync(join(ROOT, 'flows')).map((name) => `flows/${name}`);

for (const path of [...FLOWS, 'packages/testing/fixtures/tiny'])
  test(`${path}: without a remark, and with all topics and stations of the flow`, async () => {
    const { document, diagnostics } = await parser.parse(await documentOf(path));
    assert.deepEqual(
      diagnostics.map(({ message, path: where }) => `${where.join('.')}: ${message}`),
      [],
    );
    assert.ok(document);
    const flow = await readFlow(join(ROOT, path));
    const channels = document.channels().all();
    const events = channels.filter((channel) => !channel.id().startsWith('dlq.'));
    assert.deepEqual(events.map((channel) => channel.address()).sort(), [...flow.topics.keys()].sort());
    for (const channel of events) {
      const topic = flow.topics.get(channel.id())!;
      assert.equal(channel.bindings().get('kafka')?.value<{ partitions: number }>().partitions, topic.partitions);
      const [message] = channel.messages().all();
      assert.match(message!.schemaFormat() ?? '', /avro/);
      const fields = Object.keys(message!.payload()!.properties() ?? {});
      assert.deepEqual(fields, Object.keys(message!.extensions().get('x-sensitivity')!.value().fields));
      assert.ok(message!.extensions().get('x-owner')!.value());
      const of = (action: 'isSend' | 'isReceive'): string[] => [
        ...new Set(
          channel
            .operations()
            .filter((each) => each[action]())
            .map((each) => each.extensions().get('x-station')!.value().name as string),
        ),
      ];
      assert.deepEqual(of('isSend').sort(), [...topic.writers].sort());
      assert.deepEqual(of('isReceive').sort(), [...new Set(topic.readers)].sort());
    }
    for (const station of flow.stations.values()) {
      const receives = document.operations().get(`${station.name}.receive`);
      assert.equal(receives === undefined, station.kind === 'extractor');
      const kafka: { groupId: { enum: string[] } } | undefined = receives?.bindings().get('kafka')?.value();
      if (receives !== undefined) assert.deepEqual(kafka?.groupId.enum, [`${flow.name}.${station.name}`]);
      assert.ok(document.operations().get(`${station.name}.reject`)?.isSend());
    }
  });

test('the parser would say what is wrong', async () => {
  const good = await documentOf('packages/testing/fixtures/tiny');
  for (const [from, to] of [
    ['"type": "record"', '"type": "rekord"'],
    ['"#/components/messages/tiny.sent"', '"#/components/messages/tiny.lost"'],
    ['"action": "send"', '"action": "shout"'],
  ]) {
    const { diagnostics } = await parser.parse(good.replace(from!, to!));
    assert.ok(
      diagnostics.some(({ severity }) => severity === 0),
      `${to} is taken`,
    );
  }
});
