/** The target types a loader may name: one line each. */
import type { TargetType } from '../target.ts';
import { file } from './file.ts';
import { http } from './http.ts';
import { kafka } from './kafka.ts';
import { postgres } from './postgres.ts';
import { sqs } from './sqs.ts';

// biome-ignore lint/suspicious/noExplicitAny: each type has its own configuration, checked against its schema
export const targetTypes: Readonly<Record<string, TargetType<any>>> = { file, http, kafka, postgres, sqs };
