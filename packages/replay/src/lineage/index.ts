export * from './downstream.ts';
export * from './follow-downstream.ts';
export * from './outputs.ts';
export * from './parts.ts';
export * from './reconcile.ts';
export * from './trace.ts';
