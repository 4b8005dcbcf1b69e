/** The API of the replay service: what goes in and what comes out, as JSON Schema and as types. Shared by server and clients. */
export * from './basics.ts';
export * from './changes.ts';
export * from './dead-letter.ts';
export * from './picture.ts';
export * from './query.ts';
export * from './replay.ts';
export * from './selection.ts';
