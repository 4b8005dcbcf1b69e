export * from './case-check.ts';
export * from './case-file.ts';
export * from './case-schema.ts';
