export type { Backend } from './http/backend.ts';
export { createServer, type ServerOptions } from './http/server.ts';
export { runReplayService } from './run.ts';
export type { ReplayStatus } from './status.ts';
