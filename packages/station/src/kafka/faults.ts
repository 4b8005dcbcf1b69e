/** What an error of the client means, in our words. */
import { causesOf, Fault, tlsFault } from '@quadrille/record';

const TLS = { ca: 'KAFKA_TLS_CA_FILE', certificate: 'KAFKA_TLS_CERT_FILE' };

/** Protocol errors 29 to 31, and the transactional one. */
const DENIED = /^(TOPIC|GROUP|CLUSTER|TRANSACTIONAL_ID)_AUTHORIZATION_FAILED$/;

export const isKafkaError = (error: unknown): boolean => error instanceof Error && /^KafkaJS/.test(error.name);

/** A topic does not exist; or one did that this client has asked for before. */
export const isTopicUnknown = (error: unknown): boolean =>
  causesOf(error).some(({ type }: Error & { type?: string }) => type === 'UNKNOWN_TOPIC_OR_PARTITION');

/**
 * ACL_MISSING when the brokers do not allow what was asked; undefined for anything else.
 * @param what `read topic x`, `join group y`: the brokers do not say it.
 */
export function deniedFault(error: unknown, what: string): Fault | undefined {
  const denied = causesOf(error).find(({ type = '' }: Error & { type?: string }) => DENIED.test(type));
  return denied && new Fault('ACL_MISSING', what, { cause: error });
}

/**
 * ACL_MISSING, ACCESS_DENIED and TLS_FAILED are of class `config`: a person must mend them. Anything else is
 * BROKER_UNAVAILABLE, which waiting may mend.
 */
export function kafkaFault(error: unknown, what = 'do this'): Fault {
  if (error instanceof Fault) return error;
  const causes = causesOf(error) as (Error & { broker?: string })[];
  const place = causes.find(({ broker }) => typeof broker === 'string')?.broker;
  const denied = deniedFault(error, what) ?? tlsFault(error, TLS, place);
  if (denied !== undefined) return denied;
  const refused = causes.find(({ name }) => name === 'KafkaJSSASLAuthenticationError');
  if (refused !== undefined)
    return new Fault('ACCESS_DENIED', refused.message, {
      cause: error,
      help: 'check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and the user in Kafka',
      ...(place === undefined ? {} : { place }),
    });
  return new Fault('BROKER_UNAVAILABLE', (causes.at(-1) ?? causes[0])?.message ?? String(error), { cause: error });
}
