/** A queue of Amazon SQS by its SDK: connections counted, errors in our words. */
import type { QueueAttributeName, SQSClient } from '@aws-sdk/client-sqs';
import { Fault } from '@quadrille/record';
import { needVariable } from '../http/authorization.ts';
import type { Environment } from '../secret.ts';

export interface QueueConfig {
  address: string;
  region?: string;
  connections?: number;
  timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/** Errors of which no message is the cause. */
export const OF_ACCESS =
  /AccessDenied|Credentials|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|ExpiredToken|InvalidSecurity|KMS\.?\w*(Denied|Disabled|NotFound)/i;
const OF_QUEUE = /QueueDoesNotExist|NonExistentQueue|InvalidAddress|UnsupportedOperation|InvalidAttributeName/;

type Away = 'SOURCE_UNAVAILABLE' | 'TARGET_UNAVAILABLE';

/** Loaded by those who have a queue. */
type Sdk = typeof import('@aws-sdk/client-sqs');

export class Queue {
  readonly url: string;
  readonly #config: QueueConfig;
  readonly #env: Environment;
  readonly #away: Away;
  #client: SQSClient | undefined;

  /** @param away what it is when it cannot be reached. @throws Fault CONFIG_INVALID */
  constructor(config: QueueConfig, env: Environment, away: Away) {
    this.#config = config;
    this.#env = env;
    this.#away = away;
    const help = `set ${config.address} to the queue’s URL, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`;
    this.url = needVariable(env, config.address, help);
    if (!/^https?:$/.test(URL.parse(this.url)?.protocol ?? ''))
      throw new Fault('CONFIG_INVALID', `environment variable ${config.address} holds no URL`, { help });
  }

  get isFifo(): boolean {
    return this.url.endsWith('.fifo');
  }

  /** @throws Fault CONFIG_INVALID when there is no such queue; ACCESS_DENIED, and as `away` says */
  async open(): Promise<void> {
    await this.attributes('QueueArn');
  }

  /** Attributes of the queue, by name. @throws as `open` */
  async attributes(...names: QueueAttributeName[]): Promise<Partial<Record<string, string>>> {
    const { Attributes } = await this.call((client, { GetQueueAttributesCommand }) =>
      client.send(new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: names })),
    );
    return Attributes ?? {};
  }

  /** @throws Fault of class `dependency` or `config`, with the SDK's error as cause. */
  async call<T>(work: (client: SQSClient, sdk: Sdk) => Promise<T>): Promise<T> {
    try {
      const sdk = await import('@aws-sdk/client-sqs');
      this.#client ??= this.#connect(sdk);
      return await work(this.#client, sdk);
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }

  #connect({ SQSClient: Client }: Sdk): SQSClient {
    const { connections = 2, timeoutMs = TIMEOUT_MS } = this.#config;
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_DEFAULT_REGION } = this.#env;
    const ofHost = /^sqs\.([a-z0-9-]+)\.amazonaws\./.exec(new URL(this.url).hostname)?.[1];
    const region = this.#config.region ?? ofHost ?? AWS_REGION ?? AWS_DEFAULT_REGION;
    if (region === undefined)
      throw new Fault('CONFIG_INVALID', 'the region of the queue is not known', {
        help: 'set `region`, or AWS_REGION',
      });
    return new Client({
      region,
      // Where the queue is not at Amazon's own address: that of the URL.
      ...(ofHost === undefined && { endpoint: new URL(this.url).origin }),
      // What is tried again, and when, is the engine's to say.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: Math.min(timeoutMs, 10_000),
        requestTimeout: timeoutMs,
        throwOnRequestTimeout: true,
        httpAgent: { maxSockets: connections },
        httpsAgent: { maxSockets: connections },
      },
      // Without these two the SDK looks where it always does: profiles, roles of containers and machines.
      ...(AWS_ACCESS_KEY_ID &&
        AWS_SECRET_ACCESS_KEY && {
          credentials: {
            accessKeyId: AWS_ACCESS_KEY_ID,
            secretAccessKey: AWS_SECRET_ACCESS_KEY,
            ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
          },
        }),
    });
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const { name, message } = error as Error;
    const details = { place: this.url, cause: error };
    if (OF_ACCESS.test(name))
      return new Fault('ACCESS_DENIED', name, {
        ...details,
        help: 'check the credentials, and what they may do with this queue',
      });
    if (OF_QUEUE.test(name))
      return new Fault('CONFIG_INVALID', `${name}: ${message}`, { ...details, help: 'correct the queue’s URL' });
    const first = error instanceof AggregateError ? error.errors[0] : error;
    return new Fault(this.#away, (first as Error).message || name, details);
  }
}
