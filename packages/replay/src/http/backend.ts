/**
 * What the routes call. They hold requests to the schemas, callers to their roles, mask what role view may not see, and
 * write the audit; nothing behind this interface does any of that, and none of it touches HTTP.
 */
import type { Fault } from '@quadrille/record';
import type {
  AuditEntry,
  AuditQuery,
  CorrectionRequest,
  CorrectionResult,
  DeadLetter,
  DeadLetterDetail,
  DeadLetterGroup,
  DeadLetterWithValue,
  FlowReconciliation,
  ItemsQuery,
  Page,
  ReconcileQuery,
  Replay,
  ReplayAnswer,
  ReplayItem,
  ReplayRequest,
  ReplaysQuery,
  Selection,
  ServiceStatus,
  SetAsideRequest,
  SetAsideResult,
  Trace,
} from '../api/index.ts';
import type { Caller } from '../model.ts';

export interface PageOf {
  limit: number;
  cursor: string | undefined;
}

/** Every method throws Faults: NOT_FOUND for names it does not know, class `dependency` when something needed is away. */
export interface Backend {
  status(): Promise<Omit<ServiceStatus, 'name' | 'role'>>;
  /** Why requests cannot be answered now; undefined when they can. */
  unready(): Promise<Fault | undefined>;

  groups(selection: Selection): Promise<DeadLetterGroup[]>;
  deadLetters(selection: Selection, page: PageOf): Promise<Page<DeadLetter>>;
  deadLettersWithValues(selection: Selection, page: PageOf): Promise<Page<DeadLetterWithValue>>;
  deadLetter(id: string): Promise<DeadLetterDetail>;

  correct(caller: Caller, request: CorrectionRequest): Promise<CorrectionResult>;
  discard(caller: Caller, request: SetAsideRequest): Promise<SetAsideResult>;
  restore(caller: Caller, request: SetAsideRequest): Promise<SetAsideResult>;

  replay(caller: Caller, request: ReplayRequest): Promise<ReplayAnswer>;
  cancel(caller: Caller, id: string, reason: string): Promise<Replay>;
  replays(query: ReplaysQuery & PageOf): Promise<Page<Replay>>;
  replayOf(id: string): Promise<Replay>;
  items(id: string, query: ItemsQuery & PageOf): Promise<Page<ReplayItem>>;

  reconcile(query: ReconcileQuery): Promise<FlowReconciliation>;
  trace(flow: string, record: string): Promise<Trace>;

  audit(query: AuditQuery & PageOf): Promise<Page<AuditEntry>>;
  /** Appends to the audit. */
  note(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<void>;
}
