/** Faults of stations that keep state of the records before: duplicates, windows. */
import type { Row } from './fault-table.ts';

export const STATE_FAULTS = {
  EVENT_TIME_AHEAD: {
    class: 'data',
    message: 'event time is far beyond the time of the record',
    help: 'correct the clock that made it, or raise `ahead` in the flow file; one such record would close every window',
  },
  DUPLICATE: {
    class: 'data',
    message: 'its key has passed before',
    help: 'a drop by design: see `dedupe` in the flow file',
  },
  WINDOW_DELETION: {
    class: 'data',
    message: 'a deletion cannot be taken out of what a window has counted',
    help: 'a drop by design',
  },
  WINDOW_LATE: {
    class: 'data',
    message: 'the window of this record is closed',
    help: 'raise `lateness`, or discard it; what has closed is not opened again',
  },
  STATEFUL_REPLAY: {
    class: 'rule',
    message: 'a replayed record cannot join the state that its station keeps',
    help: 'send a copy to the input topic with `--to`, where it takes its place among the others, and discard this one',
  },
  STATE_CHANGED: {
    class: 'dependency',
    message: 'the flow file declares another state than the one that this station has kept',
    help: 'put the former `dedupe` and `window` back, or remove the station and begin with a new one under another name',
  },
  STATE_FULL: {
    class: 'dependency',
    message: 'the state of a partition holds as many keys as it may',
    help: 'raise `keys` of the station in the flow file, or shorten what is kept, then restart it; nothing is lost meanwhile',
  },
} as const satisfies Record<string, Row>;
