/** The servers that flows run on: found, or started, watched over, disturbed in tests, and stopped. */

export { type Finding, inspectMachine } from './inspect.ts';
export { ElasticMq, noElasticMq, startElasticMq } from './local/elasticmq.ts';
export { fetchPinned, type PinnedFiles } from './local/jars.ts';
export { type KafkaAlone, kafkaAloneLacks, startKafkaAlone } from './local/kafka-alone.ts';
export { cacheFolder, findInPath, findJava, JAVA_AT_LEAST } from './machine.mjs';
export type { Faultable, Stack, StackAddresses, StackKind, StackOptions } from './stack.ts';
export { STACK_ERRORS, StackError, type StackErrorCode, StackErrors } from './stack-error.ts';
export { removeState, startStack } from './start.ts';
export { findStack } from './state-folder.ts';
