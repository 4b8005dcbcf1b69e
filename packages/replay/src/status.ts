/** What a process of the service tells the one that started it, over IPC as `{ type: 'status', status }`. */
export interface ReplayStatus {
  /** starting until it listens; held while something that it needs is away. */
  state: 'starting' | 'running' | 'held' | 'stopping';
  /** Since when, ISO-8601. */
  since: string;
  reason?: { code: string; message: string; help: string };
  /** Where it listens. */
  url?: string;
  leading: boolean;
  caughtUp: boolean;
}
