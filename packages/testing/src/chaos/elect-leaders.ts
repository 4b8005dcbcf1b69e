/**
 * Gives every partition back to its preferred leader, while all brokers are up: leaders move under running producers
 * without any connection being lost. kafkajs has no such request, so it is written out here (ElectLeaders, API key 43,
 * version 1, KIP-183 and KIP-460); any broker passes it on to the controller.
 */
import { connect } from 'node:net';

const ELECTION_NOT_NEEDED = 84;

export interface Election {
  moved: number;
  /** Partitions whose preferred leader is not in sync yet. */
  refused: number;
}

/** @throws when the broker does not answer within 20 s. */
export async function electPreferredLeaders(broker: string): Promise<Election> {
  const { hostname, port } = new URL(`kafka://${broker}`);
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 1 + 4 + 4);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(43, 4);
  request.writeInt16BE(1, 6); // version
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt8(0, 14); // preferred
  request.writeInt32BE(-1, 15); // null: every partition
  request.writeInt32BE(15_000, 19); // ms
  return readElection(await ask(hostname, Number(port), request));
}

function ask(host: string, port: number, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write(request));
    let received = Buffer.alloc(0);
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer to ElectLeaders')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('ElectLeaders: the broker closed the connection')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      resolve(received.subarray(8));
      socket.destroy();
    });
  });
}

/** @param body after the correlation id: throttle time, error, then errors by topic and partition. */
export function readElection(body: Buffer): Election {
  const error = body.readInt16BE(4);
  if (error !== 0) throw new Error(`ElectLeaders was answered with error ${error}`);
  let at = 6;
  const int32 = (): number => {
    at += 4;
    return body.readInt32BE(at - 4);
  };
  const int16 = (): number => {
    at += 2;
    return body.readInt16BE(at - 2);
  };
  const skipText = (): void => {
    const length = int16();
    at += Math.max(0, length);
  };
  const election: Election = { moved: 0, refused: 0 };
  for (let topics = int32(); topics > 0; topics--) {
    skipText();
    for (let partitions = int32(); partitions > 0; partitions--) {
      int32();
      const code = int16();
      skipText();
      if (code === 0) election.moved++;
      else if (code !== ELECTION_NOT_NEEDED) election.refused++;
    }
  }
  return election;
}
