/**
 * Outputs that a record has led to before, as a re-run carries them to its station: those that are not made again get
 * tombstones. JSON in the header `quadrille.former`; re-runs are few.
 */
import { Fault } from './fault.ts';

export interface FormerOutput {
  topic: string;
  partition: number;
  key: Buffer | null;
  id: string;
}

export const packFormer = (outputs: readonly FormerOutput[]): Buffer =>
  Buffer.from(
    JSON.stringify(
      outputs.map(({ topic, partition, key, id }) => [topic, partition, key?.toString('base64') ?? null, id]),
    ),
  );

/** @throws Fault HEADER_INVALID */
export function unpackFormer(header: Buffer | string): FormerOutput[] {
  try {
    const rows = JSON.parse(header.toString()) as [string, number, string | null, string][];
    return rows.map(([topic, partition, key, id]) => ({
      topic,
      partition,
      key: key === null ? null : Buffer.from(key, 'base64'),
      id,
    }));
  } catch (error) {
    throw new Fault('HEADER_INVALID', 'the list of former outputs cannot be read', { cause: error });
  }
}
