/** The table of commands, in the order of help and reference. */
import type { Command } from '../command.ts';
import { check } from './check.ts';
import { completion } from './completion.ts';
import { dlqGroups } from './dlq-groups.ts';
import { dlqList } from './dlq-list.ts';
import { dlqShow } from './dlq-show.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { explain } from './explain.ts';
import { flowGraph } from './flow-graph.ts';
import { flowReconcile } from './flow-reconcile.ts';
import { flowStatus } from './flow-status.ts';
import { reset } from './reset.ts';
import { run } from './run.ts';
import { stationList } from './station-list.ts';
import { stationPause } from './station-pause.ts';
import { stationResume } from './station-resume.ts';
import { test } from './test.ts';
import { topicList } from './topic-list.ts';
import { topicTail } from './topic-tail.ts';
import { types } from './types.ts';
import { up } from './up.ts';

export const commands: readonly Command[] = [
  up,
  down,
  reset,
  doctor,
  run,
  check,
  test,
  types,
  flowStatus,
  flowGraph,
  flowReconcile,
  stationList,
  stationPause,
  stationResume,
  topicList,
  topicTail,
  dlqGroups,
  dlqList,
  dlqShow,
  explain,
  completion,
];
