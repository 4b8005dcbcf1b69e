/**
 * Kafka and registry of another cluster: the variables of our own with a prefix before them, `EVENTS_KAFKA_BROKERS`,
 * `EVENTS_KAFKA_SASL_PASSWORD_FILE`, `EVENTS_SCHEMA_REGISTRY_URL`.
 */
import type { Environment } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import { type KafkaAccess, readBrokers, readKafkaAccess, readRegistryAccess } from './access.ts';
import { Registry } from './registry.ts';

export interface OtherCluster {
  brokers: string[];
  access: KafkaAccess;
  /** undefined: none is named. */
  registry: Registry | undefined;
}

/** @throws Faults CONFIG_INVALID with every problem, under the names with the prefix. */
export function otherCluster(env: Environment, prefix: string): OtherCluster {
  const start = `${prefix}_`;
  const own = Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => name.startsWith(start))
      .map(([name, value]) => [name.slice(start.length), value]),
  );
  const faults: Fault[] = [];
  const wrong = (place: string, what: string, help: string): undefined => {
    faults.push(new Fault('CONFIG_INVALID', what, { place: `${start}${place}`, help }));
    return undefined;
  };
  const brokers = readBrokers(own, wrong);
  const access = readKafkaAccess(own, wrong);
  const registry = own.SCHEMA_REGISTRY_URL ? readRegistryAccess(own, wrong) : undefined;
  if (faults.length > 0) throw new Faults(faults);
  return { brokers, access, registry: registry && new Registry(registry.url, registry.access) };
}
