/** The schema registry: ids by subject, schemas by id, registering with BACKWARD_TRANSITIVE. */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Fault } from '@quadrille/record';

/** Fetches and registers; decoding is done by our own resolvers, since the client builds one a record. */
export class Registry {
  private readonly client: SchemaRegistry;
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
    this.client = new SchemaRegistry({
      host: url,
      clientId: 'quadrille',
      retry: { retries: 1, initialRetryTimeInSecs: 0.1 },
    });
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
    let response: Response;
    try {
      response = await fetch(`${this.url}${path}`, {
        signal: AbortSignal.timeout(5_000),
        headers: { accept: 'application/json' },
      });
    } catch (error) {
      throw this.unavailable(error);
    }
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw this.unavailable(new Error(`status ${response.status}`));
    }
    return response.json();
  }

  private unavailable(error: unknown): Fault {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new Fault('REGISTRY_UNAVAILABLE', cause instanceof Error ? cause.message : String(cause), {
      place: this.url,
      cause: error,
    });
  }
}

const statusOf = (error: unknown): number | undefined => (error as { status?: number }).status;
