/** What a flow has set aside, for the report of a run: dead letters by state, and the open ones by cause. */
import type { Flow } from '@quadrille/flow';
import { DECISIONS_TOPIC, deadLetterTopics, type LedgerFold, type Reconciliation } from '@quadrille/record';
import type * as api from '@quadrille/replay/api';
import { shapeOf } from '@quadrille/station';
import type { Context } from '../command.ts';
import { Grouping } from '../dlq/groups.ts';
import { readDeadLetters } from '../dlq/read.ts';
import { withReplay } from '../replay/service.ts';
import type { Servers } from '../servers.ts';

/** Dead letters of one cause. */
export interface Cause {
  station: string;
  code: string;
  field: string | null;
  count: number;
}

export interface SetAside {
  counts: api.LetterCounts;
  causes: Cause[];
}

/**
 * As long as nobody has decided anything about dead letters they are all open, and told from their topics; from then on
 * the replay service knows, which is started for this question.
 */
export async function setAside(
  context: Context,
  servers: Servers,
  flow: Flow,
  books: Reconciliation,
  fold: LedgerFold,
): Promise<SetAside> {
  const rejected = Object.values(books.stations).reduce((sum, station) => sum + station.rejected, 0);
  const counts = { open: rejected, corrected: 0, replaying: 0, resolved: 0, discarded: 0 };
  if (rejected === 0) return { counts, causes: [] };
  return (await isDecided(servers)) ? asked(context, flow.name) : { counts, causes: await read(servers, flow, fold) };
}

async function isDecided({ admin }: Servers): Promise<boolean> {
  if (!(await admin.listTopics()).includes(DECISIONS_TOPIC)) return false;
  return (await admin.bounds(DECISIONS_TOPIC)).some(({ high }) => high > 0);
}

function asked(context: Context, flow: string): Promise<SetAside> {
  return withReplay(context, async (client) => {
    const { deadLetters } = await client.get<api.FlowReconciliation>('/v1/reconciliation', { flow });
    const states = ['open', 'corrected', 'replaying'];
    const { items } = await client.get<api.Page<api.DeadLetterGroup>>('/v1/groups', { flow, states });
    const causes = items.map(({ station, code, field, count }) => ({ station, code, field, count }));
    return { counts: deadLetters, causes };
  });
}

/** Only those that live parts of this flow's stations claim. */
async function read(servers: Servers, flow: Flow, fold: LedgerFold): Promise<Cause[]> {
  const topics = new Set(shapeOf(flow).stations.flatMap(deadLetterTopics));
  const grouping = new Grouping();
  await readDeadLetters(servers, [...topics], fold.claimantOf, (letter) => {
    if (letter.live && letter.group.startsWith(`${flow.name}.`)) grouping.add(letter);
  });
  return grouping.groups.map(({ station, code, field, count }) => ({ station, code, field: field ?? null, count }));
}
