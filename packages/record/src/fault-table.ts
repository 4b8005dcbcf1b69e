/**
 * The fault table: code, class, message, what to do. docs/reference/faults.md is generated from it and a test holds
 * the two together. A retired code is never used again: move it to RETIRED.
 *
 * Classes: `data` and `schema` (the record is at fault: dead letter), `lookup` (reference data is missing: dead letter),
 * `rule` and `target` (a rule or the target refused the record: dead letter), `crash` (it killed its station: dead
 * letter), `dependency` (something needed is down: hold, never a dead letter), `position` (offsets are gone: stop),
 * `config` and `usage` (a person can mend it before anything runs).
 */
import { SERVICE_FAULTS } from './fault-table-service.ts';
import { STATE_FAULTS } from './fault-table-state.ts';

export type FaultClass =
  | 'data'
  | 'schema'
  | 'lookup'
  | 'rule'
  | 'target'
  | 'crash'
  | 'dependency'
  | 'position'
  | 'config'
  | 'usage';

export interface Row {
  class: FaultClass;
  message: string;
  help: string;
}

const table = <K extends string>(rows: Record<K, Row>): Readonly<Record<K, Readonly<Row>>> => rows;

export const FAULTS = table({
  // the record's own bytes
  ROW_COLUMNS: {
    class: 'data',
    message: 'row has the wrong number of columns',
    help: 'correct the row, or the delimiter in the flow file',
  },
  ROW_MALFORMED: {
    class: 'data',
    message: 'row cannot be parsed',
    help: 'correct the quotes of this row in the source',
  },
  ROW_TOO_LARGE: {
    class: 'data',
    message: 'row is longer than the limit',
    help: 'correct the line ends or quotes of the source, or raise `maxRowBytes` in the flow file',
  },
  TEXT_INVALID: { class: 'data', message: 'text is not valid UTF-8', help: 'convert the source to UTF-8' },
  FIELD_INVALID: {
    class: 'data',
    message: 'field cannot be read as its type',
    help: 'correct the field, or declare in the flow file which text means null',
  },
  FIELD_MISSING: {
    class: 'data',
    message: 'field is missing and may not be null',
    help: 'give it a value in the source, or allow null in the schema',
  },
  ID_INVALID: {
    class: 'data',
    message: 'record has no usable id',
    help: 'every field of the id template needs a value',
  },
  VERSION_INVALID: {
    class: 'data',
    message: 'source version is not usable',
    help: 'declare a version column that holds whole numbers or times',
  },
  HEADER_INVALID: {
    class: 'data',
    message: 'header `quadrille` cannot be read',
    help: 'only stations write this header; look who else produces to the topic',
  },
  RECORD_TOO_LARGE: {
    class: 'data',
    message: 'record is larger than its topic allows',
    help: 'raise max.message.bytes of the topic, or make the record smaller',
  },
  // schemas
  SCHEMA_UNKNOWN: {
    class: 'schema',
    message: 'schema id on the wire is not in the registry',
    help: 'look who produced the record, and against which registry',
  },
  WIRE_FORMAT: {
    class: 'schema',
    message: 'value is not in the Confluent wire format',
    help: 'producers of this topic must write magic byte 0, a schema id, then Avro',
  },
  DECODE_FAILED: {
    class: 'schema',
    message: 'value cannot be decoded',
    help: 'look at the bytes with `quadrille dlq show`; the producer wrote with another schema',
  },
  ENCODE_FAILED: {
    class: 'schema',
    message: 'output does not fit its schema',
    help: 'correct the rule, or change the schema of the output topic',
  },
  SCHEMA_INCOMPATIBLE: {
    class: 'config',
    message: 'schema change is not backward compatible',
    help: 'give new fields a default, keep old fields, or make a new topic',
  },
  SCHEMA_INVALID: {
    class: 'config',
    message: 'schema is not valid',
    help: 'see the Avro specification, and docs/reference/schemas.md',
  },
  SCHEMA_UNGOVERNED: {
    class: 'config',
    message: 'schema does not say all that is asked of an event',
    help: 'see docs/how-to/govern-events.md',
  },
  // rules and lookups
  RULE_THREW: {
    class: 'rule',
    message: 'rule threw',
    help: 'mend the rule, try it with `quadrille test`, then replay',
  },
  RULE_RESULT: {
    class: 'rule',
    message: 'rule returned something that is not a record, a list, a drop or a reject',
    help: 'return the record, an array of records, drop(code) or reject(code, …)',
  },
  RULE_REJECTED: { class: 'rule', message: 'rule rejected the record', help: 'correct the record, then replay it' },
  SQL_FAILED: {
    class: 'rule',
    message: 'SQL rule failed on this record',
    help: 'mend the query or the record, then replay',
  },
  SQL_TIMEOUT: {
    class: 'rule',
    message: 'SQL rule ran out of time',
    help: 'simplify the query, or raise `timeoutMs` of the station',
  },
  SQL_FILTERED: {
    class: 'rule',
    message: 'filtered by the SQL rule',
    help: 'a drop by design: the row was not selected',
  },
  LOOKUP_MISSING: {
    class: 'lookup',
    message: 'nothing found in lookup',
    help: 'add the missing row to the reference source, then replay',
  },
  LOOKUP_INVALID: {
    class: 'lookup',
    message: 'answer of the lookup cannot be used',
    help: 'correct the row, or what the lookup asks, then replay',
  },
  RECORD_CRASHED: {
    class: 'crash',
    message: 'record killed its station three times',
    help: 'mend the rule that ends the process on it, then replay',
  },
  // targets
  TARGET_REFUSED: {
    class: 'target',
    message: 'target refused the row',
    help: 'correct the record or the table, then replay',
  },
  TARGET_SCHEMA: {
    class: 'config',
    message: 'table does not fit the schema',
    help: 'migrate the table, or let the loader create another',
  },
  TARGET_FOREIGN: {
    class: 'config',
    message: 'target holds records of another topic of this name',
    help: 'the topic was made anew: move what stands in the target away, or name another place for it',
  },
  // dependencies: hold, retry, never a dead letter
  BROKER_UNAVAILABLE: {
    class: 'dependency',
    message: 'Kafka does not answer',
    help: 'check the brokers and the address; the station tries again by itself',
  },
  REGISTRY_UNAVAILABLE: {
    class: 'dependency',
    message: 'schema registry does not answer',
    help: 'check the registry and its address; the station tries again by itself',
  },
  TARGET_UNAVAILABLE: {
    class: 'dependency',
    message: 'target does not answer',
    help: 'check the database and its address; the station tries again by itself',
  },
  LOOKUP_UNAVAILABLE: {
    class: 'dependency',
    message: 'lookup is not ready',
    help: 'its extractor must finish its first snapshot; see `quadrille flow status`',
  },
  SOURCE_UNAVAILABLE: {
    class: 'dependency',
    message: 'source cannot be read',
    help: 'check that it is there and readable; the station tries again by itself',
  },
  // positions
  OFFSETS_LOST: {
    class: 'position',
    message: 'records that were never judged are gone from the topic',
    help: 'find out what deleted them; then accept the loss with `quadrille station resume --accept-loss`',
  },
  LINE_STOPPED: {
    class: 'position',
    message: 'too many rejects, the station has stopped its line',
    help: 'see `quadrille dlq groups`, mend the cause, then `quadrille station resume`',
  },
  SOURCE_CHANGED: {
    class: 'position',
    message: 'source was changed before the point it had been read to',
    help: 'restore the file, or give the new content a new name; then `quadrille station resume`',
  },
  SOURCE_TRUNCATED: {
    class: 'position',
    message: 'compressed file is truncated or damaged',
    help: 'replace the file by a whole copy, then `quadrille station resume`: reading goes on where it stopped',
  },
  SOURCE_EMPTIED: {
    class: 'position',
    message: 'table of the source was emptied by a command that no event tells the rows of',
    help: 'empty the target, or leave its rows there; then set `truncate: ignore` in the flow file and restart the station',
  },
  PAUSED: {
    class: 'position',
    message: 'an operator has paused the station',
    help: 'let it go on with `quadrille station resume`',
  },
  // configuration
  FLOW_NOT_FOUND: { class: 'config', message: 'no flow file', help: 'name a folder that holds a flow.yaml' },
  K8S_UNFIT: {
    class: 'config',
    message: 'flow cannot be rendered for Kubernetes',
    help: 'see docs/how-to/deploy-on-kubernetes.md',
  },
  FLOW_SYNTAX: { class: 'config', message: 'flow file is not valid YAML', help: 'mend the syntax at this place' },
  FLOW_INVALID: { class: 'config', message: 'flow file is not valid', help: 'see docs/reference/flow-file.md' },
  RULE_INVALID: { class: 'config', message: 'rule cannot be used', help: 'see docs/how-to/write-a-rule.md' },
  RULE_TYPES: {
    class: 'config',
    message: 'rule does not fit its types',
    help: 'mend the rule; or the schema, and write the types anew with `quadrille types`',
  },
  SQL_INVALID: { class: 'config', message: 'SQL cannot be used', help: 'see docs/how-to/write-a-rule.md' },
  CASE_INVALID: { class: 'config', message: 'case file is not valid', help: 'see docs/how-to/test-a-flow.md' },
  CASE_FAILED: { class: 'config', message: 'case does not hold', help: 'mend the flow or the case' },
  EXAMPLE_FAILED: { class: 'config', message: 'example does not hold', help: 'mend the rule or the example' },
  SOURCE_MISSING: {
    class: 'config',
    message: 'source is not there',
    help: 'check its name or path in the flow file; paths are relative to the flow file',
  },
  SOURCE_SETTINGS: {
    class: 'config',
    message: 'source does not have the settings it needs',
    help: 'see docs/how-to/read-from-postgresql.md and docs/how-to/read-from-queues.md',
  },
  SOURCE_HEADER: {
    class: 'config',
    message: 'header of the source does not fit the schema',
    help: 'check the delimiter, and the columns against the schema',
  },
  CONFIG_INVALID: {
    class: 'config',
    message: 'configuration is not valid',
    help: 'see docs/reference/configuration.md',
  },
  TOPIC_SETTINGS: {
    class: 'config',
    message: 'topic does not have the settings it needs',
    help: 'alter the topic as said, or let `quadrille up` create it',
  },
  // the machine
  STACK_IN_USE: {
    class: 'usage',
    message: 'stack is in use by another process',
    help: 'stop it with `quadrille down`, or use it as it is',
  },
  STACK_MISSING: {
    class: 'usage',
    message: 'no Kafka, registry and PostgreSQL to work on',
    help: 'run `quadrille up FLOW`, or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL',
  },
  PORT_TAKEN: { class: 'usage', message: 'port is taken', help: 'stop what listens there, or choose another port' },
  ACCESS_DENIED: {
    class: 'config',
    message: 'user or password refused',
    help: 'check user and password of the address',
  },
  ACL_MISSING: {
    class: 'config',
    message: 'Kafka does not allow this user to',
    help: 'grant this user what `quadrille acl FLOW` prints for it',
  },
  TLS_FAILED: { class: 'config', message: 'no TLS connection', help: 'see docs/how-to/secure-connections.md' },
  ...STATE_FAULTS,
  ...SERVICE_FAULTS,
});

export type FaultCode = keyof typeof FAULTS;

/** Codes that once stood in the table; their meaning stays, they are never given to anything else. */
export const RETIRED: readonly string[] = [];
