/** gzip, unpacked block by block, such that everything before a damaged place is delivered. */
import { createGunzip } from 'node:zlib';
import { Fault } from '@quadrille/record';

/** So much is unpacked at a time. It bounds what waits unread: deflate packs at most 1,032 to 1. */
const STEP_BYTES = 16_384;

/**
 * Unpacks gzip of one or several members (RFC 1952). A plain pipe would drop what it has unpacked but not handed on
 * when the end turns out to be missing; here the end is announced only after everything before it has been taken.
 * @throws Fault SOURCE_TRUNCATED after the last block that could be unpacked.
 */
export async function* gunzip(stored: AsyncIterable<Buffer>, place: string): AsyncGenerator<Buffer, void, undefined> {
  const zlib = createGunzip({ chunkSize: 65_536 });
  let ready: Buffer[] = [];
  let failure: Error | undefined;
  zlib.on('data', (block: Buffer) => ready.push(block));
  zlib.on('error', (error) => {
    failure = error;
  });
  const closed = new Promise((resolve) => zlib.once('close', resolve));
  try {
    for await (const block of stored) {
      for (let at = 0; at < block.length && failure === undefined; at += STEP_BYTES) {
        const written = new Promise((resolve) => zlib.write(block.subarray(at, at + STEP_BYTES), resolve));
        await Promise.race([written, closed]);
        const blocks = ready;
        ready = [];
        yield* blocks;
      }
      if (failure !== undefined) break;
    }
    if (failure === undefined) {
      zlib.end();
      await closed;
    }
    yield* ready;
    if (failure !== undefined) throw new Fault('SOURCE_TRUNCATED', failure.message, { place, cause: failure });
  } finally {
    zlib.destroy();
  }
}
