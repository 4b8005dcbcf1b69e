/** `quadrille topic list`: topics with their sizes and settings. */
import { readFlow } from '@quadrille/flow';
import { topicsOfFlow } from '@quadrille/station';
import type { Command } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { printRows } from '../print/output.ts';
import { withServers } from '../servers.ts';

interface TopicView {
  name: string;
  partitions: number;
  /** Offsets from the first to the last that is there; compaction may have taken some of them. */
  records: number;
  cleanup: string | null;
  retentionMs: number | null;
}

export const topicList: Command = {
  path: 'topic list',
  summary: 'list topics',
  arguments: [['[FLOW]', 'only the topics of this flow']],
  lists: true,
  examples: ['topic list', 'topic list flows/flights -o wide'],
  run: async (context, [given], options) => {
    const flow = given === undefined ? undefined : await readFlow(flowPath(context, given));
    const only =
      flow === undefined
        ? undefined
        : new Set([...flow.topics.keys(), ...topicsOfFlow(flow).map(({ topic }) => topic)]);
    const views = await withServers(context, async ({ admin }) => {
      const names = (await admin.listTopics()).filter((name) =>
        only === undefined ? !name.startsWith('__') : only.has(name),
      );
      const one = async (name: string): Promise<TopicView> => {
        const [bounds, cleanup, retention] = await Promise.all([
          admin.bounds(name),
          admin.setting(name, 'cleanup.policy'),
          admin.setting(name, 'retention.ms'),
        ]);
        const records = bounds.reduce((sum, { low, high }) => sum + high - low, 0);
        return {
          name,
          partitions: bounds.length,
          records,
          cleanup: cleanup ?? null,
          retentionMs: retention === undefined ? null : Number(retention),
        };
      };
      return Promise.all(names.map(one));
    });
    printRows(
      context,
      options,
      [
        { name: 'NAME', of: (view) => view.name },
        { name: 'PARTITIONS', of: (view) => view.partitions },
        { name: 'RECORDS', of: (view) => view.records },
        { name: 'CLEANUP', of: (view) => view.cleanup, wide: true },
        {
          name: 'RETENTION',
          of: (view) =>
            view.retentionMs === null ? null : view.retentionMs < 0 ? 'forever' : `${view.retentionMs / 86_400_000}d`,
          wide: true,
        },
      ],
      views,
    );
    return EXIT.done;
  },
};
