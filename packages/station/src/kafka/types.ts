/** The client's types that the rest of the engine handles; nothing outside this folder imports kafkajs. */
export type { Consumer, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
