export * from './flow-fixture.ts';
export * from './leaks.ts';
export * from './look.ts';
export * from './replay-service.ts';
export * from './servers.ts';
export * from './station-process.ts';
export * from './until.ts';
