/** What is wrong with a TLS connection, told by its error (codes: Node's documentation of `tls`, OpenSSL's verify(1)). */
import { Fault } from './fault.ts';

/** What a person sets for this connection, named in the advice. */
export interface TlsSettings {
  /** Where the authority is named that signed the server's certificate. */
  ca: string;
  /** Where the client's own certificate is named. */
  certificate: string;
}

const ADVICE: readonly [pattern: RegExp, help: (settings: TlsSettings) => string][] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA/,
    ({ ca }) => `name the authority that signed the server's certificate in ${ca}`,
  ],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID|REVOKED)$/, () => "renew the server's certificate, or set this machine's clock"],
  [/ALTNAME_INVALID/, () => 'connect to the server by a name or address that its certificate holds'],
  [
    /ALERT/,
    ({ certificate }) =>
      `the server refuses this client's certificate, or wants one: see ${certificate}, and which authorities the server trusts`,
  ],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$|^EPROTO$|does not support SSL/,
    () => 'the server does not speak TLS at this port: correct the address, or do not ask for TLS',
  ],
  [/^(CERT_|ERR_SSL_|ERR_OSSL_|ERR_TLS_)/, ({ ca }) => `check the certificates on both sides, and ${ca}`],
];

/** A fault TLS_FAILED when the error, or what caused it, is one of TLS; else undefined. */
export function tlsFault(error: unknown, settings: TlsSettings, place?: string): Fault | undefined {
  for (const each of causesOf(error)) {
    const code = String((each as { code?: unknown }).code ?? '');
    // pg's words for a server without TLS come without a code.
    const known = ADVICE.find(([pattern]) => pattern.test(code === '' ? each.message : code));
    if (known === undefined) continue;
    const detail = each.message.replace(/^Connection error: /, '').split('\n')[0]!;
    return new Fault('TLS_FAILED', code === '' ? detail : `${detail} (${code})`, {
      help: known[1](settings),
      cause: error,
      ...(place === undefined ? {} : { place }),
    });
  }
  return undefined;
}

/** The error and what it wraps, the outermost first. */
export function causesOf(error: unknown): Error[] {
  const found: Error[] = [];
  for (let each = error; each instanceof Error && found.length < 8; ) {
    found.push(each);
    const { cause, originalError } = each as { cause?: unknown; originalError?: unknown };
    each = cause ?? originalError ?? (each instanceof AggregateError ? each.errors[0] : undefined);
  }
  return found;
}
