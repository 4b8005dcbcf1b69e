import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tlsFault } from './tls-fault.ts';

const SETTINGS = { ca: 'CA_FILE', certificate: 'CERT_FILE' };
const error = (message: string, code?: string, cause?: Error): Error =>
  Object.assign(new Error(message, { cause }), code === undefined ? {} : { code });

test('the advice says what to set or renew', () => {
  const cases: [code: string, help: RegExp][] = [
    ['SELF_SIGNED_CERT_IN_CHAIN', /CA_FILE/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /CA_FILE/],
    ['CERT_HAS_EXPIRED', /renew/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /name or address/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /CERT_FILE/],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', /CERT_FILE/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS/],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', /both sides/],
  ];
  for (const [code, help] of cases) {
    const fault = tlsFault(error('Connection error: no', code), SETTINGS, 'b:1');
    assert.equal(fault?.code, 'TLS_FAILED', code);
    assert.match(fault?.help ?? '', help, code);
    assert.equal(fault?.message, `no TLS connection: no (${code})`);
    assert.equal(fault?.place, 'b:1');
  }
});

test('it is found behind what clients wrap around it, and in what pg says without a code', () => {
  const wrapped = error('fetch failed', undefined, error('expired', 'CERT_HAS_EXPIRED'));
  assert.match(tlsFault(wrapped, SETTINGS)?.message ?? '', /expired/);
  const plain = error('The server does not support SSL connections');
  assert.match(tlsFault(plain, SETTINGS)?.help ?? '', /does not speak TLS/);
});

test('a connection that breaks in mid-handshake is no fault of TLS: waiting may mend it', () => {
  assert.equal(tlsFault(error('Client network socket disconnected', 'ECONNRESET'), SETTINGS), undefined);
  assert.equal(tlsFault(error('connect', 'ECONNREFUSED'), SETTINGS), undefined);
  assert.equal(tlsFault('no error', SETTINGS), undefined);
});
