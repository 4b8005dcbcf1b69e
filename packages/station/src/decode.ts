/** Decodes a round: fetches what schemas are needed first, then decodes without waiting. */
import type { Decoder } from '@quadrille/flow';
import { asFault } from '@quadrille/record';
import type { Round } from './round.ts';

/** A record of a round that is alive: its slice, its index there, and its value. */
export interface Alive {
  slices: number[];
  indexes: number[];
  values: Record<string, unknown>[];
}

/**
 * Rejects what cannot be decoded, and gives the rest. Tombstones are left undecided and are not among them.
 * @throws Fault REGISTRY_UNAVAILABLE when a schema is needed that is not cached.
 */
export async function decodeRound(round: Round, decoder: Decoder): Promise<Alive> {
  let asked: Set<number> | undefined;
  for (const { records } of round.slices) {
    for (const { bytes } of records) {
      if (bytes === null || bytes.length < 5 || bytes[0] !== 0) continue;
      const id = bytes.readUInt32BE(1);
      if (decoder.isReady(id) || asked?.has(id)) continue;
      await decoder.prepare(id);
      // Also one that the registry does not know: asked for once a round, however many records bear it.
      asked = (asked ?? new Set()).add(id);
    }
  }
  const alive: Alive = { slices: [], indexes: [], values: [] };
  for (let s = 0; s < round.slices.length; s++) {
    const slice = round.slices[s]!;
    for (let i = 0; i < slice.records.length; i++) {
      const { bytes } = slice.records[i]!;
      if (bytes === null || slice.verdicts[i] !== 0) continue;
      try {
        alive.values.push(decoder.decode(bytes));
        alive.slices.push(s);
        alive.indexes.push(i);
      } catch (error) {
        slice.reject(i, asFault(error, 'DECODE_FAILED', { place: slice.records[i]!.place }));
      }
    }
  }
  return alive;
}
