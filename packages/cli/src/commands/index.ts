/** The table of commands, in the order of help and reference. */
import type { Command } from '../command.ts';
import { acl } from './acl.ts';
import { audit } from './audit.ts';
import { check } from './check.ts';
import { completion } from './completion.ts';
import { dlqDiscard, dlqRestore } from './dlq-discard.ts';
import { dlqEdit } from './dlq-edit.ts';
import { dlqExport } from './dlq-export.ts';
import { dlqFix } from './dlq-fix.ts';
import { dlqGroups } from './dlq-groups.ts';
import { dlqList } from './dlq-list.ts';
import { dlqReplay } from './dlq-replay.ts';
import { dlqShow } from './dlq-show.ts';
import { docs } from './docs.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { explain } from './explain.ts';
import { flowGraph } from './flow-graph.ts';
import { flowProvision } from './flow-provision.ts';
import { flowReconcile } from './flow-reconcile.ts';
import { flowStatus } from './flow-status.ts';
import { init } from './init.ts';
import { k8sRender } from './k8s-render.ts';
import { replayCancel } from './replay-cancel.ts';
import { replayList } from './replay-list.ts';
import { replayShow } from './replay-show.ts';
import { replayStart } from './replay-start.ts';
import { replayWatch } from './replay-watch.ts';
import { reset } from './reset.ts';
import { run } from './run.ts';
import { schemasCheck } from './schemas-check.ts';
import { schemasDiff } from './schemas-diff.ts';
import { schemasPush } from './schemas-push.ts';
import { sourceTriggers } from './source-triggers.ts';
import { stationList } from './station-list.ts';
import { stationPause } from './station-pause.ts';
import { stationRemove } from './station-remove.ts';
import { stationResume } from './station-resume.ts';
import { test } from './test.ts';
import { topicList } from './topic-list.ts';
import { topicTail } from './topic-tail.ts';
import { trace } from './trace.ts';
import { types } from './types.ts';
import { up } from './up.ts';

export const commands: readonly Command[] = [
  up,
  down,
  reset,
  doctor,
  init,
  run,
  check,
  test,
  types,
  docs,
  schemasCheck,
  schemasDiff,
  schemasPush,
  flowStatus,
  flowGraph,
  flowProvision,
  flowReconcile,
  stationList,
  stationPause,
  stationResume,
  stationRemove,
  sourceTriggers,
  topicList,
  topicTail,
  dlqGroups,
  dlqList,
  dlqShow,
  dlqEdit,
  dlqFix,
  dlqReplay,
  dlqDiscard,
  dlqRestore,
  dlqExport,
  replayStart,
  replayList,
  replayShow,
  replayWatch,
  replayCancel,
  trace,
  audit,
  acl,
  k8sRender,
  explain,
  completion,
];
