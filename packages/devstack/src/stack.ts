/** What a stack is to its users: three servers' addresses, an end, and ways to hurt them in tests. */

export type StackKind = 'given' | 'docker' | 'local';

export interface StackAddresses {
  kind: StackKind;
  /** `host:port` of each broker. */
  brokers: string[];
  /** The base of a Confluent-compatible schema registry, without a trailing slash. */
  registryUrl: string;
  /** `postgres://user:password@host:port/database`. Carries the password: not for printing. */
  databaseUrl: string;
}

/** A server that a test may disturb. Each start comes back on the same port with the same state. */
export interface Faultable {
  /** Of the server's leading process on this machine while it runs; undefined in Docker. */
  readonly pid?: number | undefined;
  /** In order: the server writes what it has to. Resolves when it is gone, at once when it was. */
  stop(): Promise<void>;
  /** As `kill -9`. Resolves when it is gone. */
  kill(): Promise<void>;
  /** As SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Resolves when it answers again. Nothing happens when it runs. */
  start(): Promise<void>;
}

export interface Stack extends StackAddresses {
  /** Idempotent. After it nothing the stack started is running. The state stays. */
  stop(): Promise<void>;
  /** Counted from 0. */
  broker(index: number): Faultable;
  registry: Faultable;
  database: Faultable;
}

export interface StackOptions {
  /** The folder of all state; created when absent. One owner at a time. */
  dir: string;
  /** 3: every broker also a controller, topics with three replicas of which two must be in sync. Default 1. */
  brokers?: 1 | 3;
  /** Default: what the environment, the folder's own state, and the machine allow, in this order. */
  kind?: StackKind;
  /** Fixed ports for local servers; those not named are chosen and remembered. */
  ports?: { brokers?: number[]; registry?: number; database?: number };
  /** One line for a person at each step that takes time, and when a server ends unasked. */
  onProgress?: (line: string) => void;
  env?: NodeJS.ProcessEnv;
  /** How a given registry is asked whether it answers, where it wants more than an address. Throws what is wrong. */
  checkRegistry?: (registryUrl: string) => Promise<void>;
}
