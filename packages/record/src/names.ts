/** Names of topics and consumer groups. One place, so that an operator can predict every name from a flow file. */

/** The ledger of all flows: one message a round and station. Never expires. */
export const LEDGER_TOPIC = 'quadrille.ledger';
/** Pauses, resumes, snapshots and other orders to stations; compacted. */
export const CONTROL_TOPIC = 'quadrille.control';
/** What operators have decided: corrections, discards, replays, audit. Compacted; the replay service's database can be rebuilt from it. */
export const DECISIONS_TOPIC = 'quadrille.decisions';
/** What stations say of records that were sent to them as a dry run. Expires after a day. */
export const PREVIEW_TOPIC = 'quadrille.previews';
/** Code of the drop that the ledger counts for a dry run. */
export const PREVIEWED = 'PREVIEWED';
/** Header of a re-run record: the outputs made of it before, see former.ts. */
export const FORMER_HEADER = 'quadrille.former';
/** Header of a dead letter that was a deletion in its source: what is made of it is a tombstone. */
export const DELETED_HEADER = 'quadrille.deleted';
/** The one packed header of a record between stations, see header.ts. */
export const HEADER = 'quadrille';

/** The dead letters of a topic. */
export const deadLetterTopic = (topic: string): string => `dlq.${topic}`;
/** Replays for one station, read by that station alone (invariant 5). */
export const replayTopic = (flow: string, station: string): string => `replay.${flow}.${station}`;
/** What the names of positions topics begin with. */
export const POSITIONS = 'positions.';
/** Where an extractor keeps how far it has read each shard. */
export const positionsTopic = (flow: string, station: string): string => `${POSITIONS}${flow}.${station}`;
/** Where a transformer keeps what it knows of the records before: duplicates, windows. */
export const stateTopic = (flow: string, station: string): string => `state.${flow}.${station}`;
/** The consumer group of a station, and the key of its ledger entries. */
export const stationGroup = (flow: string, station: string): string => `${flow}.${station}`;
/** The group of a station's second consumer, the one that reads its replay topic. */
export const replayGroup = (flow: string, station: string): string => `${flow}.${station}.replay`;

/** Flow and station names: lower case letters, digits and hyphens, starting with a letter. */
export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;
/** A topic Quadrille may use: Kafka's legal characters, at most 200 so that `dlq.` and `replay.` still fit in 249. */
export const TOPIC_PATTERN = /^[a-z][a-z0-9._-]{0,199}$/;
/** Codes of drops and rejects, ours and a user's: upper snake case. */
export const CODE_PATTERN = /^[A-Z][A-Z0-9_]{1,63}$/;
