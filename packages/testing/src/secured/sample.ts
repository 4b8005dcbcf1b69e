/** The flow of these tests: stations of all kinds, each under a user of its own, behind TLS everywhere. */
import { join } from 'node:path';
import { kafkaAloneLacks } from '@quadrille/devstack';
import { aclsOf, SERVICE_USERS } from '@quadrille/station';
import { type FlowFixture, flowFixture, givenAddresses, noServers, ownName } from '../harness/index.ts';
import { databaseGateway, type Gateway, registryGateway } from './gateways.ts';
import { type Env, grant, SecuredKafka } from './kafka.ts';

const lacks = kafkaAloneLacks();
/** For `{ skip }`: why these tests cannot run, or false. */
export const noSecuredKafka: string | false =
  noServers || (lacks === undefined ? false : `this machine lacks ${lacks}`);

/** Rejects what the field says; and everything where a secret can be seen from a rule. */
const RULE = `
import { rule } from '@quadrille/flow';
import { reject } from '@quadrille/record';
export default rule({
  doc: 'Refuses what is bad.',
  examples: [],
  apply(record) {
    const seen = Object.keys(process.env).filter((name) => /PASSWORD$|TOKEN$|^DATABASE_URL$/.test(name));
    if (seen.length > 0) return reject('SEES_SECRETS', seen.join());
    return record.does === 'reject' ? reject('TOO_BAD', 'it is bad', { field: 'does' }) : record;
  },
});
`;

const FLOW = `
flow: FLOW
topics:
  FLOW.places: { compacted: true, partitions: 1 }
  FLOW.sent: { partitions: 2 }
  FLOW.judged: { partitions: 2 }
  FLOW.named: { partitions: 2 }
stations:
  places:
    extractor: { type: csv, path: data/places.csv, id: "{place}" }
    to: FLOW.places
  sent:
    extractor: { type: csv, path: data/items.csv, id: "{id}" }
    to: FLOW.sent
  judge:
    transformer: rules/judge.ts
    from: FLOW.sent
    to: FLOW.judged
  name:
    enricher:
      place: { topic: FLOW.places, on: { place: place }, take: { name: place_name }, missing: reject }
    from: FLOW.judged
    to: FLOW.named
  store:
    loader: { type: postgres, table: rows-FLOW, address: WAREHOUSE_URL }
    from: FLOW.named
`;

const text = (name: string) => ({ name, type: 'string' });
const item = [text('id'), text('does'), text('place')];
const record = (name: string, fields: object[]) => ({ type: 'record', name, fields });

export const STATIONS = ['places', 'sent', 'judge', 'name', 'store'] as const;
export const RECORDS = 200;
/** Every tenth is rejected. */
export const REJECTED = RECORDS / 10;

const ITEMS = Array.from({ length: RECORDS }, (_, n) => `r${n},${n % 10 === 0 ? 'reject' : 'pass'},p${n % 3}`);

/** The flow on a Kafka of its own, and the run's registry and database behind TLS. */
export class Secured implements AsyncDisposable {
  readonly name: string;
  readonly kafka: SecuredKafka;
  readonly flow: FlowFixture;
  readonly #gateways: readonly Gateway[];

  private constructor(kafka: SecuredKafka, flow: FlowFixture, gateways: readonly Gateway[]) {
    this.name = flow.name;
    this.kafka = kafka;
    this.flow = flow;
    this.#gateways = gateways;
  }

  static async start(): Promise<Secured> {
    const name = ownName();
    const users = [...STATIONS.map((station) => `${name}.${station}`), ...Object.values(SERVICE_USERS)];
    const kafka = await SecuredKafka.start(users);
    const { registryUrl, databaseUrl } = givenAddresses();
    const server = kafka.authority.issue({ name: 'gateway', hosts: ['127.0.0.1', 'localhost'] });
    const basic = `Basic ${Buffer.from('flows:hush').toString('base64')}`;
    const gateways = [
      await registryGateway(server, registryUrl, ['Bearer a-token', basic]),
      await databaseGateway(server, databaseUrl),
    ];
    const flow = await flowFixture({
      name,
      addresses: { ...givenAddresses(), ...kafka.adminAddress },
      provisioned: false,
      files: {
        'flow.yaml': FLOW,
        'rules/judge.ts': RULE,
        'data/places.csv': 'place,name\np0,here\np1,there\np2,elsewhere\n',
        'data/items.csv': `id,does,place\n${ITEMS.join('\n')}\n`,
      },
      schemas: {
        'FLOW.places': record('Place', [text('place'), text('name')]),
        'FLOW.sent': record('Sent', item),
        'FLOW.judged': record('Judged', item),
        'FLOW.named': record('Named', [...item, text('place_name')]),
      },
    });
    return new Secured(kafka, flow, gateways);
  }

  /** Topics, schemas and ACLs, as an administrator makes them. */
  async provision(): Promise<void> {
    await this.flow.provision();
    await grant(this.flow.clients.raw, aclsOf(this.flow.flow));
  }

  user(station: string): string {
    return `${this.name}.${station}`;
  }

  /** Registry by token, database by certificates verified in full; both secrets in files. */
  get others(): Env {
    const [registry, database] = this.#gateways as [Gateway, Gateway];
    const ca = join(this.kafka.folder, 'ca.pem');
    const warehouse = new URL(givenAddresses().databaseUrl);
    warehouse.hostname = 'localhost';
    warehouse.port = String(database.port);
    warehouse.searchParams.set('sslmode', 'verify-full');
    warehouse.searchParams.set('sslrootcert', ca);
    return {
      SCHEMA_REGISTRY_URL: `https://localhost:${registry.port}${new URL(givenAddresses().registryUrl).pathname}`,
      SCHEMA_REGISTRY_TLS_CA_FILE: ca,
      SCHEMA_REGISTRY_TOKEN_FILE: this.kafka.file('token', 'a-token\n'),
      WAREHOUSE_URL_FILE: this.kafka.file('warehouse', `${warehouse.href}\n`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flow[Symbol.asyncDispose]();
    for (const gateway of this.#gateways) await gateway[Symbol.asyncDispose]();
    await this.kafka[Symbol.asyncDispose]();
  }
}
