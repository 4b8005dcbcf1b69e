/**
 * A Kafka that lets nobody in without TLS and a user, and nobody do anything without an ACL: SASL_SSL and SSL listeners,
 * KRaft's StandardAuthorizer, one super user `admin`.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KafkaAlone, startKafkaAlone } from '@quadrille/devstack';
import { type Acl, type KafkaAccess, readKafkaAccess, type SaslMechanism } from '@quadrille/station';
import type { Admin } from 'kafkajs';
import { freePort } from '../harness/index.ts';
import { Authority } from './certificates.ts';

export type Env = Record<string, string>;

const ADMIN = 'admin';
const HOST = '127.0.0.1';

export class SecuredKafka implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'quadrille-secured-'));
  readonly authority = new Authority('Authority of this test');
  readonly #ports = { sasl: 0, mtls: 0, expired: 0 };
  readonly #passwords = new Map<string, string>();
  #kafka: KafkaAlone | undefined;

  /** @param users known by SCRAM and PLAIN; none of them may do anything yet. */
  static async start(users: readonly string[]): Promise<SecuredKafka> {
    const kafka = new SecuredKafka();
    try {
      await kafka.#start(users);
      return kafka;
    } catch (error) {
      await kafka[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(users: readonly string[]): Promise<void> {
    for (const user of [ADMIN, ...users]) this.#passwords.set(user, randomBytes(12).toString('hex'));
    for (const name of ['sasl', 'mtls', 'expired'] as const) this.#ports[name] = await freePort();
    this.file('ca.pem', this.authority.cert);
    this.file('other-ca.pem', new Authority('Somebody else').cert);
    this.file('broker.pem', this.#pem('broker'));
    this.file('expired.pem', this.#pem('expired', -1));
    this.#kafka = await startKafkaAlone({
      dir: join(this.folder, 'server'),
      settings: (ports) => this.#settings(ports),
      format: [...this.#passwords].flatMap(([name, password]) =>
        ['SCRAM-SHA-512', 'SCRAM-SHA-256'].flatMap((mechanism) => [
          '--add-scram',
          `${mechanism}=[name=${name},password=${password}]`,
        ]),
      ),
    });
  }

  #pem(name: string, days = 2): string {
    const { cert, key } = this.authority.issue({ name, hosts: [HOST, 'localhost'], days });
    return `${key}${cert}`;
  }

  #settings(ports: { broker: number; controller: number }): Record<string, string | boolean> {
    const { sasl, mtls, expired } = this.#ports;
    const open = [
      `PLAINTEXT://${HOST}:${ports.broker}`,
      `SASL_SSL://${HOST}:${sasl}`,
      `SSL://${HOST}:${mtls}`,
      `EXPIRED://${HOST}:${expired}`,
    ].join(',');
    const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
    const known = [...this.#passwords].map(([name, password]) => `user_${name}="${password}"`).join(' ');
    const admin = this.#passwords.get(ADMIN)!;
    return {
      listeners: `${open},CONTROLLER://${HOST}:${ports.controller}`,
      'advertised.listeners': open,
      'listener.security.protocol.map':
        'PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,EXPIRED:SSL,CONTROLLER:SASL_PLAINTEXT',
      'sasl.mechanism.controller.protocol': 'PLAIN',
      'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.controller.plain.sasl.jaas.config': `${plain} username="${ADMIN}" password="${admin}" user_${ADMIN}="${admin}";`,
      'listener.name.sasl_ssl.sasl.enabled.mechanisms': 'SCRAM-SHA-512,SCRAM-SHA-256,PLAIN',
      'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.sasl_ssl.plain.sasl.jaas.config': `${plain} ${known};`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': join(this.folder, 'broker.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(this.folder, 'ca.pem'),
      'listener.name.ssl.ssl.client.auth': 'required',
      'listener.name.expired.ssl.keystore.location': join(this.folder, 'expired.pem'),
      'ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/$1/',
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': `User:${ADMIN}`,
      'allow.everyone.if.no.acl.found': false,
    };
  }

  /** @returns its path. */
  file(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  get passwords(): readonly string[] {
    return [...this.#passwords.values()];
  }

  get #tls(): Env {
    return { KAFKA_TLS: 'on', KAFKA_TLS_CA_FILE: join(this.folder, 'ca.pem') };
  }

  /** The environment of a process that comes in by SASL; its password stands in a file. */
  sasl(user: string, mechanism: SaslMechanism = 'SCRAM-SHA-512'): Env {
    return {
      ...this.#tls,
      KAFKA_BROKERS: `${HOST}:${this.#ports.sasl}`,
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: user,
      KAFKA_SASL_PASSWORD_FILE: this.file(`${user}.password`, `${this.#passwords.get(user)}\n`),
    };
  }

  /** The same, the password in the environment. */
  saslByVariable(user: string): Env {
    const { KAFKA_SASL_PASSWORD_FILE: _, ...env } = this.sasl(user);
    return { ...env, KAFKA_SASL_PASSWORD: this.#passwords.get(user)! };
  }

  /** The environment of a process that comes in by its certificate. */
  mtls(user: string): Env {
    const { cert, key } = this.authority.issue({ name: user });
    return {
      ...this.#tls,
      KAFKA_BROKERS: `${HOST}:${this.#ports.mtls}`,
      KAFKA_TLS_CERT_FILE: this.file(`${user}.cert.pem`, cert),
      KAFKA_TLS_KEY_FILE: this.file(`${user}.key.pem`, key),
    };
  }

  /** Where the broker shows a certificate that has expired. */
  get expired(): Env {
    return { ...this.#tls, KAFKA_BROKERS: `${HOST}:${this.#ports.expired}` };
  }

  get adminAddress(): { brokers: string[]; access: KafkaAccess } {
    return { brokers: [`${HOST}:${this.#ports.sasl}`], access: this.accessOf(this.sasl(ADMIN)) };
  }

  accessOf(env: Env): KafkaAccess {
    return readKafkaAccess(env, (place, what) => {
      throw new Error(`${place} ${what}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kafka?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Numbers of Kafka's protocol (org.apache.kafka.common.acl.AclOperation, ResourceType, PatternType). */
const OPERATIONS = { Read: 3, Write: 4, Create: 5, Describe: 8, DescribeConfigs: 10 } as const;
const TYPES = { topic: 2, group: 3 } as const;
const PATTERNS = { literal: 3, prefixed: 4 } as const;
const ALLOW = 3;

const wire = (acls: readonly Acl[]) =>
  acls.flatMap(({ principal, resource: { type, name, pattern }, operations }) =>
    operations.map((operation) => ({
      resourceType: TYPES[type],
      resourceName: name,
      resourcePatternType: PATTERNS[pattern],
      principal,
      host: '*',
      operation: OPERATIONS[operation],
      permissionType: ALLOW,
    })),
  );

export async function grant(admin: Admin, acls: readonly Acl[]): Promise<void> {
  await admin.createAcls({ acl: wire(acls) });
}

export async function revoke(admin: Admin, acls: readonly Acl[]): Promise<void> {
  await admin.deleteAcls({ filters: wire(acls) });
}
