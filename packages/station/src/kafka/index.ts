export * from './admin.ts';
export * from './client.ts';
export * from './faults.ts';
export * from './follower.ts';
export * from './member.ts';
export * from './producer.ts';
export * from './ranges.ts';
export * from './topic-writer.ts';
