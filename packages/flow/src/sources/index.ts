/** The source types an extractor may name: one line each. */
import type { SourceType } from '../source.ts';
import { csv } from './csv.ts';
import { http } from './http/http.ts';
import { kafka } from './kafka/kafka.ts';
import { ndjson } from './ndjson.ts';
import { parquet } from './parquet.ts';
import { postgresCursor } from './postgres/cursor.ts';
import { postgresOutbox } from './postgres/outbox.ts';
import { postgresReplication } from './postgres/replication.ts';
import { sqs } from './sqs/sqs.ts';
import { webhook } from './webhook/webhook.ts';

// biome-ignore lint/suspicious/noExplicitAny: each type has its own configuration, checked against its schema
export const sourceTypes: Readonly<Record<string, SourceType<any>>> = {
  csv,
  http,
  kafka,
  ndjson,
  parquet,
  'postgres-cursor': postgresCursor,
  'postgres-outbox': postgresOutbox,
  'postgres-replication': postgresReplication,
  sqs,
  webhook,
};
