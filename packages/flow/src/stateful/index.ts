export type { StateChange } from './entry.ts';
export * from './partition-state.ts';
export * from './plan.ts';
export * from './spec.ts';
export { WindowRow } from './window-row.ts';
