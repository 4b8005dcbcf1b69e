/** A queue of Amazon SQS by its SDK: connections counted, errors in our words. */
import type { SQSClient } from '@aws-sdk/client-sqs';
import { Fault } from '@quadrille/record';
import { needVariable } from '../http/authorization.ts';
import type { Environment } from '../secret.ts';

export interface QueueConfig {
  address: string;
  region?: string;
  connections?: number;
  timeoutMs?: number;
}

export interface QueueEntry {
  body: string;
  attributes: Record<string, string>;
  /** Of a FIFO queue. */
  group?: string;
  deduplication?: string;
}

/** `refused`: for what it is; `again`: for no fault of its own. */
export type EntryAnswer = 'taken' | 'again' | { refused: string };

const TIMEOUT_MS = 30_000;

/** Messages of a request that is refused for what is in it. */
const OF_MESSAGES =
  /InvalidMessageContents|BatchRequestTooLong|InvalidParameterValue|InvalidAttributeValue|MessageTooLong/;
const OF_ACCESS =
  /AccessDenied|Credentials|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|ExpiredToken|InvalidSecurity|KMS\.?\w*(Denied|Disabled|NotFound)/i;
const OF_QUEUE = /QueueDoesNotExist|NonExistentQueue|InvalidAddress|UnsupportedOperation|InvalidAttributeName/;

export class Queue {
  readonly url: string;
  readonly #config: QueueConfig;
  readonly #env: Environment;
  #client: SQSClient | undefined;

  /** @throws Fault CONFIG_INVALID */
  constructor(config: QueueConfig, env: Environment) {
    this.#config = config;
    this.#env = env;
    const help = `set ${config.address} to the queue’s URL, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`;
    this.url = needVariable(env, config.address, help);
    if (!/^https?:$/.test(URL.parse(this.url)?.protocol ?? ''))
      throw new Fault('CONFIG_INVALID', `environment variable ${config.address} holds no URL`, { help });
  }

  get isFifo(): boolean {
    return this.url.endsWith('.fifo');
  }

  /** @throws Fault CONFIG_INVALID when there is no such queue; ACCESS_DENIED, TARGET_UNAVAILABLE */
  async open(): Promise<void> {
    const { GetQueueAttributesCommand } = await sdk();
    await this.#send((client) =>
      client.send(new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: ['QueueArn'] })),
    );
  }

  /**
   * Sends up to ten. When SQS refuses the request for one of them without saying which, all are `refused`.
   * @throws Fault of class `dependency` or `config`: nothing is known of any.
   */
  async send(entries: readonly QueueEntry[]): Promise<EntryAnswer[]> {
    const { SendMessageBatchCommand } = await sdk();
    const Entries = entries.map(({ body, attributes, group, deduplication }, i) => ({
      Id: String(i),
      MessageBody: body,
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
      ),
      ...(group !== undefined && { MessageGroupId: group }),
      ...(deduplication !== undefined && { MessageDeduplicationId: deduplication }),
    }));
    const answers: EntryAnswer[] = entries.map(() => 'again');
    try {
      const answer = await this.#send((client) =>
        client.send(new SendMessageBatchCommand({ QueueUrl: this.url, Entries })),
      );
      for (const { Id } of answer.Successful ?? []) answers[Number(Id)] = 'taken';
      for (const { Id, SenderFault, Code = '' } of answer.Failed ?? [])
        answers[Number(Id)] =
          SenderFault && !OF_ACCESS.test(Code) && !/Throttl/i.test(Code) ? { refused: Code } : 'again';
    } catch (error) {
      const { name = '' } = ((error as Fault).cause ?? {}) as Error;
      if (!OF_MESSAGES.test(name)) throw error;
      answers.fill({ refused: name.replace(/^.*\./, '') });
    }
    return answers;
  }

  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }

  async #send<T>(work: (client: SQSClient) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await this.#connect();
      return await work(this.#client);
    } catch (error) {
      throw faultOf(error, this.url);
    }
  }

  async #connect(): Promise<SQSClient> {
    const { SQSClient } = await sdk();
    const { connections = 2, timeoutMs = TIMEOUT_MS } = this.#config;
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_DEFAULT_REGION } = this.#env;
    const ofHost = /^sqs\.([a-z0-9-]+)\.amazonaws\./.exec(new URL(this.url).hostname)?.[1];
    const region = this.#config.region ?? ofHost ?? AWS_REGION ?? AWS_DEFAULT_REGION;
    if (region === undefined)
      throw new Fault('CONFIG_INVALID', 'the region of the queue is not known', {
        help: 'set `region`, or AWS_REGION',
      });
    return new SQSClient({
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
}

/** Loaded by those who have a queue. */
const sdk = (): Promise<typeof import('@aws-sdk/client-sqs')> => import('@aws-sdk/client-sqs');

function faultOf(error: unknown, place: string): Fault {
  if (error instanceof Fault) return error;
  const { name, message } = error as Error;
  const details = { place, cause: error };
  if (OF_ACCESS.test(name))
    return new Fault('ACCESS_DENIED', name, {
      ...details,
      help: 'check the credentials, and what they may do with this queue',
    });
  if (OF_QUEUE.test(name))
    return new Fault('CONFIG_INVALID', `${name}: ${message}`, { ...details, help: 'correct the queue’s URL' });
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return new Fault('TARGET_UNAVAILABLE', (first as Error).message || name, details);
}
