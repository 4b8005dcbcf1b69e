/**
 * What the suites show of a type, feature by feature, and by which of their tests. complete.test.ts holds the lists to
 * the suites: every test stands here, and every test that stands here is one.
 */
export interface Feature {
  /** Head of its column. */
  name: string;
  /** What is shown, as a sentence. */
  what: string;
  tests: readonly string[];
}

const SAME = 'reads the same whatever is asked for at once';
const AFTER = 'goes on exactly after every item';
const AGAIN = 'what is not acknowledged comes again, the same; what is does not';
const KILLED =
  'killed when records are sent, and when they are written down: nothing is lost, what comes twice is known';
const PAUSED = 'paused and stopped in order it takes no more; started and resumed it goes on where it was';
const LETTERS = 'bad items are dead letters with bytes and place; a corrected one comes back with its version';

export const SOURCE_FEATURES: readonly Feature[] = [
  {
    name: 'same again',
    what: 'An item has the same id and version, and the same fields, whenever and however it is read; shards are the same each time.',
    tests: [
      'lists its shards sorted, and the same each time',
      'items bring what the type says: deletions, ids, versions',
      SAME,
      AGAIN,
    ],
  },
  {
    name: 'resumes',
    what: 'It goes on exactly where it was, or is told what is settled; killed with SIGKILL at the worst moments, nothing is missing, and what comes twice is known.',
    tests: [AFTER, AGAIN, KILLED],
  },
  {
    name: 'bad items',
    what: 'An item that cannot be read is a dead letter with its bytes and its place in the source, and the others go on.',
    tests: ['a bad item is a fault with its bytes and place, and the others are read', LETTERS],
  },
  {
    name: 'corrected',
    what: 'A bad item that was corrected is replayed, and keeps its version.',
    tests: [LETTERS],
  },
  {
    name: 'back-pressure',
    what: 'It gives no more than is asked for; paused, nothing more is taken.',
    tests: [SAME, AGAIN, PAUSED],
  },
  {
    name: 'stops',
    what: 'Asked to stop it returns at once, and can still be told what is settled; started again it goes on where it was.',
    tests: ['stopped while it waits for items it returns at once, and can still be told what is settled', PAUSED],
  },
  {
    name: 'progress',
    what: 'Its station tells when it made progress last, and the ledger balances at the end.',
    tests: [KILLED],
  },
  {
    name: 'changed',
    what: 'What was read and was changed since is refused, not passed over.',
    tests: ['refuses to go on in a shard that was changed'],
  },
  {
    name: 'grows',
    what: 'What is added is read, and only that.',
    tests: ['reads what was added at the end, and only that'],
  },
  {
    name: 'down',
    what: 'While it cannot be reached the station waits; afterwards it goes on.',
    tests: ['while it cannot be reached, that is a fault of class dependency; afterwards it goes on'],
  },
];

/** Sources whose life in a station is shown by tests of their own, and what these show. Better none than one. */
export const STATION_ELSEWHERE: Readonly<Record<string, string>> = {
  sqs: '`packages/testing/src/station/queues.kafka.test.ts`: killed before the ledger entry and before the commit, the table has each message once. What is committed and not deleted yet comes again as an item, so the suite’s exact counts do not hold.',
  'postgres-replication':
    '`packages/testing/src/copy/copy.e2e.test.ts`: under four writers, its station killed twice, the copy is the table; `npm run copy` is its long form.',
};

export const TARGET_FEATURES: readonly Feature[] = [
  {
    name: 'idempotent',
    what: 'The same rows again take no effect; where the receiver has to know them, they bear the same id and version.',
    tests: [
      'writes rows, and answers for each in its place',
      'the same rows again, at other offsets and from another instance too: unchanged, and not touched',
      'the same places of the input again: unchanged, from another instance too; each stands once however batches are cut',
      'what is sent again bears the same id, version and content',
    ],
  },
  {
    name: 'versions',
    what: 'A version that comes late is treated as the type declares: it never takes the place of a newer one.',
    tests: [
      'at one version, other content: the higher offset of a partition stands; between partitions it is a conflict',
      'the newer version stands, then the newer revision, whatever the order and offsets',
      'several rows of one id in a batch are folded',
      'every outcome in one batch',
      'however rows are cut into batches, sent twice and shuffled: the newest of each id stands',
      'every version stands once, whatever the order, and from another instance too',
      'a revision is a row of its own',
      'a revision takes the place of the one before',
      'however rows are cut into batches, sent twice and shuffled: each version stands once, with the content put down last',
      'the versions of an id go out in order',
      'a deletion is told with its id and version, and a late older version after it too',
    ],
  },
  {
    name: 'deletions',
    what: 'A deletion is told with its id and version.',
    tests: [
      'a deletion keeps id and version, so that an older row cannot come back and a newer one can',
      'a deletion is told with its id and version, and a late older version after it too',
    ],
  },
  {
    name: 'poison',
    what: 'A row that is refused is set aside alone.',
    tests: [
      'a row it refuses: the write throws TARGET_REFUSED, and nothing of it is written',
      'a row it refuses is answered with TARGET_REFUSED, and the others of the batch come through',
    ],
  },
  {
    name: 'holds',
    what: 'While it is down the station waits, and no record is at fault; connections that are cut are made again.',
    tests: [
      'when it is down, writing and opening are faults of class dependency; afterwards the same rows are written',
      'connections cut while it writes: what was answered for is there, a failed write is whole or not at all where that is promised, and the next one connects again',
    ],
  },
  {
    name: 'connections',
    what: 'Never more connections than it may have.',
    tests: ['never more connections than it may have, whatever is asked of it at once'],
  },
  {
    name: 'instances',
    what: 'Several instances write side by side.',
    tests: ['two instances writing the same ids in opposite order both come through'],
  },
  {
    name: 'kill -9',
    what: 'Killed with SIGKILL in mid-batch, all of it takes effect, and nothing twice (where the receiver decides, it comes with the same id and version).',
    tests: [
      'killed in mid-batch and started again from the last batch done: all of it takes effect, and nothing twice',
    ],
  },
  {
    name: 'dry run',
    what: 'A dry run leaves nothing.',
    tests: ['a dry run answers as it would, and leaves nothing', 'a dry run that only checks sends nothing'],
  },
  {
    name: 'find',
    what: 'The row of an id can be looked up.',
    tests: ['finds a row by id without having been opened, deleted ones too; nothing where nothing was made'],
  },
];
