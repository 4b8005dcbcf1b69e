/** Reads schemas/<topic>.avsc into what stations work with. */
import type avsc from 'avsc';
import type { Field } from './field.ts';

export interface TopicSchema {
  topic: string;
  /** The .avsc file, absolute. */
  file: string;
  /** The schema as JSON on one line: what is registered under `<topic>-value`. */
  text: string;
  /** Who answers for the topic: the schema's `owner`. */
  owner: string | undefined;
  doc: string;
  type: avsc.Type;
  fields: readonly Field[];
}
