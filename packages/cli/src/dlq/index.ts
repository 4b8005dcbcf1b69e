/** Dead letters, read straight from their topics. */
export * from './dead-letter.ts';
export * from './groups.ts';
export * from './read.ts';
