/** What the parts of the service hand to each other. */
import type { Flow } from '@quadrille/flow';
import type { LedgerPart, LedgerRef } from '@quadrille/record';
import type { connectKafka, Decision, KafkaAdmin, Log, Outlet, Registry, Traces } from '@quadrille/station';
import type { Role } from './api/index.ts';
import type { Database, Tx } from './db/database.ts';

/** Who asks. */
export interface Caller {
  name: string;
  role: Role;
}

/** What every part of the service stands on. */
export interface Ground {
  database: Database;
  kafka: ReturnType<typeof connectKafka>;
  admin: KafkaAdmin;
  /** One producer a process. */
  outlet: Outlet;
  registry: Registry;
  /** By name; those the service was told of. */
  flows: ReadonlyMap<string, Flow>;
  /** Name of this process. */
  instance: string;
  /** Environment: addresses of targets that flow files name by variable. */
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
  /** undefined: nothing is traced. */
  traces?: Traces | undefined;
}

/** A part that has become live, with where it stands. */
export interface LivePart {
  flow: string;
  station: string;
  /** ms since the epoch. */
  at: number;
  ref: LedgerRef;
  part: LedgerPart;
}

/**
 * Takes part in the transaction that marks parts as live. Called in the order of each chain; must be idempotent, since a
 * rebuild calls it again for all.
 */
export type OnLive = (tx: Tx, parts: readonly LivePart[]) => Promise<void>;

/**
 * Writes decisions down: to Kafka first, acknowledged by all in-sync replicas, then into the database, within `tx`, whose
 * rows the caller has locked. What a crash leaves between the two is applied by whoever follows the topic.
 */
export interface Decisions {
  /** @throws Fault BROKER_UNAVAILABLE: nothing is known to be decided; roll back. */
  decide(tx: Tx, decisions: readonly Decision[]): Promise<void>;
}

/** Applies one decision to the database; idempotent. One a kind; see decisions/index.ts. */
export type Apply = (tx: Tx, decision: Decision) => Promise<void>;

/** Work that only one instance does: following topics, sending. Ends when `signal` is aborted: leadership is lost or the service stops. */
export type Duty = (signal: AbortSignal) => Promise<void>;
