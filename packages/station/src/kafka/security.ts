/** TLS and SASL as the client wants them; certificates, keys and passwords are read anew for each connection. */
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory, KafkaConfig } from 'kafkajs';
import type { KafkaAccess } from '../access.ts';

/** As the client's own factory keeps it. */
const KEEP_ALIVE_MS = 60_000;

export function securityOf({ tls, sasl }: KafkaAccess): Pick<KafkaConfig, 'ssl' | 'sasl' | 'socketFactory'> {
  return {
    ...(tls === undefined ? {} : { ssl: true, socketFactory: socketsBy(tls) }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: {
            mechanism: sasl.mechanism.toLowerCase() as 'plain',
            // The client looks at these each time that it authenticates.
            get username() {
              return sasl.username();
            },
            get password() {
              return sasl.password();
            },
          },
        }),
  };
}

const socketsBy =
  (tls: NonNullable<KafkaAccess['tls']>): ISocketFactory =>
  ({ host, port, onConnect }) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connectTls({ host, port, minVersion: 'TLSv1.2', ...name, ...tls() }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return socket;
  };
