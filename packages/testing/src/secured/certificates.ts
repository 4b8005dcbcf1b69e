/** Certificates of a test's own: an authority and what it signs, as PEM (RFC 5280, in the DER of X.690). */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

export interface Certificate {
  /** PEM. */
  cert: string;
  /** PEM, PKCS #8. */
  key: string;
}

export interface Subject {
  /** Common name. */
  name: string;
  /** DNS names and IPv4 addresses that a server answers to. */
  hosts?: readonly string[];
  /** Days from now until it expires; negative: it has expired. Default 2. */
  days?: number;
}

export class Authority {
  readonly #name: string;
  readonly #key: KeyObject;
  /** PEM. */
  readonly cert: string;

  constructor(name: string) {
    this.#name = name;
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    this.cert = this.#sign({ name }, publicKey, [extension('551d13', sequence(BOOLEAN_TRUE), true)]);
  }

  issue(subject: Subject): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = (subject.hosts ?? []).map((host) =>
      isIP(host) === 4 ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host)),
    );
    const cert = this.#sign(subject, publicKey, names.length === 0 ? [] : [extension('551d11', sequence(...names))]);
    return { cert, key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export(PKCS8) as string };
  }

  #sign({ name, days = 2 }: Subject, publicKey: KeyObject, extensions: Buffer[]): string {
    const now = Date.now();
    const until = now + days * DAY_MS;
    const signed = sequence(
      tlv(0xa0, integer(Buffer.from([2]))),
      integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      ECDSA_SHA256,
      nameOf(this.#name),
      sequence(time(Math.min(now, until) - DAY_MS), time(until)),
      nameOf(name),
      publicKey.export({ type: 'spki', format: 'der' }),
      ...(extensions.length === 0 ? [] : [tlv(0xa3, sequence(...extensions))]),
    );
    const signature = sign('sha256', signed, this.#key);
    const whole = sequence(signed, ECDSA_SHA256, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
    const lines = whole.toString('base64').match(/.{1,64}/g)!;
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}

const DAY_MS = 86_400_000;
const PKCS8 = { type: 'pkcs8', format: 'pem' } as const;

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes);
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'));
const BOOLEAN_TRUE = tlv(0x01, Buffer.from([0xff]));
/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 */
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
/** One common name, 2.5.4.3. */
const nameOf = (name: string): Buffer => sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(name)))));
/** UTCTime, YYMMDDHHMMSSZ. */
const time = (at: number): Buffer =>
  tlv(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));
const extension = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(oid(id), ...(critical ? [BOOLEAN_TRUE] : []), tlv(0x04, value));
