/** The schema registry: ids by subject, schemas by id, registering with BACKWARD_TRANSITIVE. */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { causesOf, Fault, tlsFault } from '@quadrille/record';
import type { RegistryAccess } from './access.ts';
import { agentOf, get, OPEN } from './registry-http.ts';

const TLS = { ca: 'SCHEMA_REGISTRY_TLS_CA_FILE', certificate: 'SCHEMA_REGISTRY_TLS_CERT_FILE' };
const TIMEOUT_MS = 5_000;

/** Fetches and registers; decoding is done by our own resolvers, since the client builds one a record. */
export class Registry {
  private readonly client: SchemaRegistry;
  private readonly url: string;
  private readonly access: RegistryAccess;
  private readonly agent: ReturnType<typeof agentOf>;

  /** @param url without user and password. */
  constructor(url: string, access: RegistryAccess = OPEN) {
    this.url = url;
    this.access = access;
    this.agent = agentOf(url, access);
    const { authorization } = access;
    this.client = new SchemaRegistry({
      host: url,
      clientId: 'quadrille',
      retry: { retries: 1, initialRetryTimeInSecs: 0.1 },
      agent: this.agent,
      middlewares:
        authorization === undefined
          ? []
          : [
              () => ({
                prepareRequest: async (next) => (await next()).enhance({ headers: { authorization: authorization() } }),
              }),
            ],
    });
  }

  /** @throws Fault REGISTRY_UNAVAILABLE, ACCESS_DENIED, TLS_FAILED unless it lists its subjects. */
  async check(): Promise<void> {
    if (!Array.isArray(await this.get('/subjects')))
      throw this.unavailable(new Error('it does not answer with a list of subjects'));
  }

  /**
   * The schema behind a wire id, as parsed JSON.
   * @throws Fault SCHEMA_UNKNOWN (the record's fault), REGISTRY_UNAVAILABLE (hold)
   */
  async schemaOf(id: number): Promise<unknown> {
    const answer = await this.get(`/schemas/ids/${id}`);
    if (answer === undefined) throw new Fault('SCHEMA_UNKNOWN', `id ${id}`);
    return JSON.parse((answer as { schema: string }).schema);
  }

  /** Schemas of a subject, oldest first; [] when there is none. */
  async versions(subject: string): Promise<{ version: number; id: number; schema: string }[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const numbers = ((await this.get(path)) ?? []) as number[];
    const versions = [];
    for (const version of numbers) {
      versions.push((await this.get(`${path}/${version}`)) as { version: number; id: number; schema: string });
    }
    return versions;
  }

  /** The id of exactly this schema under its subject. @throws Fault SCHEMA_UNKNOWN when it was never registered there. */
  async idOf(subject: string, text: string): Promise<number> {
    const schema = { type: SchemaType.AVRO, schema: text } as const;
    try {
      return await this.client.getRegistryIdBySchema(subject, schema);
    } catch (error) {
      if (statusOf(error) === 404) {
        throw new Fault('SCHEMA_UNKNOWN', `${subject} does not hold this schema`, {
          help: 'register it: `quadrille up` or `quadrille schemas push`',
        });
      }
      throw this.unavailable(error);
    }
  }

  /**
   * Registers a schema; the same one again changes nothing.
   * @returns its id. @throws Fault SCHEMA_INCOMPATIBLE, SCHEMA_INVALID, REGISTRY_UNAVAILABLE
   */
  async register(subject: string, text: string): Promise<number> {
    try {
      const { id } = await this.client.register(
        { type: SchemaType.AVRO, schema: text },
        { subject, compatibility: COMPATIBILITY.BACKWARD_TRANSITIVE },
      );
      return id;
    } catch (error) {
      const status = statusOf(error);
      const detail = `${subject}: ${error instanceof Error ? error.message : String(error)}`;
      if (status === 409 || /incompatib/i.test(detail))
        throw new Fault('SCHEMA_INCOMPATIBLE', detail, { cause: error });
      if (status === 422) throw new Fault('SCHEMA_INVALID', detail, { cause: error });
      throw this.unavailable(error);
    }
  }

  private async get(path: string): Promise<unknown> {
    try {
      const { status, text } = await get(`${this.url}${path}`, this.agent, this.access.authorization?.(), TIMEOUT_MS);
      if (status === 404) return undefined;
      if (status < 200 || status > 299) throw Object.assign(new Error(`status ${status}`), { status });
      return JSON.parse(text);
    } catch (error) {
      throw this.unavailable(error);
    }
  }

  private unavailable(error: unknown): Fault {
    const status = statusOf(error);
    if (status === 401 || status === 403)
      return new Fault('ACCESS_DENIED', `the registry answers with status ${status}`, {
        place: this.url,
        help: 'check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, or SCHEMA_REGISTRY_TOKEN, and its rights there',
        cause: error,
      });
    const cause = causesOf(error).at(-1);
    return (
      tlsFault(error, TLS, this.url) ??
      new Fault('REGISTRY_UNAVAILABLE', cause?.message || String(error), { place: this.url, cause: error })
    );
  }
}

const statusOf = (error: unknown): number | undefined => (error as { status?: number }).status;
