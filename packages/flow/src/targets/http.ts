/** The target `http`: rows as requests. What comes again, or late, is the receiver's to tell, by id and version. */
import { createHash } from 'node:crypto';
import { Fault } from '@quadrille/record';
import { authorizationProperties } from '../http/authorization.ts';
import { POINTER } from '../http/pointer.ts';
import { Requests, type RequestsConfig, type Sent } from '../http/requests.ts';
import type { ConfigProblem, Outcome, Target, TargetContext, TargetRow, TargetType } from '../target.ts';
import { Delivered } from './delivered.ts';
import { type AnswerConfig, type ItemAnswer, isMisconfigured, itemAnswer, itemAnswers } from './http-answer.ts';
import { type ItemWriter, itemWriter } from './item.ts';
import { lanesOf, runLanes } from './lanes.ts';
import { contentHash } from './row-order.ts';

export interface HttpConfig extends RequestsConfig {
  path?: string;
  method?: 'POST' | 'PUT' | 'PATCH';
  format?: 'json' | 'ndjson';
  item?: 'record' | 'value';
  under?: string;
  deletes?: 'item' | 'request';
  rows?: number;
  bytes?: number;
  idempotencyKey?: string;
  answer?: AnswerConfig;
}

const pointer = (description: string): object => ({ description, type: 'string', pattern: POINTER });
const whole = (
  description: string,
  standard: number,
  maximum: number,
): { description: string; [keyword: string]: unknown } => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum,
  default: standard,
});

/**
 * Example:
 *
 *     crm: { loader: { type: http, address: CRM_URL, path: /customers, rows: 50, secretHeaders: { Authorization: CRM_TOKEN } }, from: customers.qualified }
 */
export const http: TargetType<HttpConfig> = {
  type: 'http',
  doc: 'Requests to an HTTP service, in batches or one a row; the versions of an id go out in order. Each request bears an idempotency key made of its rows, each row its id and version, by which the service tells what it has already. Statuses: 2xx written, 208 and 304 unchanged, 412 superseded, 409 conflict, 408, 425, 429 and 5xx are waited for (`Retry-After` is kept to), 401 and 403 end the station; with any other 4xx a batch is halved until the rows at fault are found. With `answer` each row has its own status.',
  features: {
    '': {
      late: 'sent',
      again: 'receiver',
      whole: false,
      dryRun: 'checks',
      deletes: 'an item with `deleted`, or a DELETE request of its own',
    },
  },
  config: {
    type: 'object',
    properties: {
      address: {
        description: 'Name of the environment variable that holds the address of the service.',
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
      },
      path: {
        description: 'Path behind the address. `{id}` in it is the row’s id; requests then have one row.',
        type: 'string',
        pattern: '^/',
      },
      method: { description: 'Method of requests.', enum: ['POST', 'PUT', 'PATCH'], default: 'POST' },
      format: {
        description: 'Rows as a JSON list, or a line each. A request of `rows: 1` has the item alone.',
        enum: ['json', 'ndjson'],
        default: 'json',
      },
      item: {
        description:
          '`record`: `{"id", "version", "revision", "deleted", "value"}`; `value`: the fields alone. A request of one row tells id, version and revision in the headers `Record-Id` (percent-encoded), `Record-Version`, `Record-Revision` too.',
        enum: ['record', 'value'],
        default: 'record',
      },
      under: {
        description: 'The property that holds the list: `{"<under>": […]}`. By default the list is all.',
        type: 'string',
        minLength: 1,
      },
      deletes: {
        description: 'A deletion is an item like others, or a DELETE of `path`, which then must hold `{id}`.',
        enum: ['item', 'request'],
        default: 'item',
      },
      rows: whole('At most so many rows a request.', 100, 10_000),
      bytes: whole('At most so many bytes a request, unless one row has more.', 1_048_576, 104_857_600),
      idempotencyKey: { description: 'Header of the idempotency key.', type: 'string', default: 'Idempotency-Key' },
      answer: {
        description: 'Where a JSON answer tells what became of each row: JSON Pointers (RFC 6901).',
        type: 'object',
        properties: {
          items: pointer('The list, in the order of the rows unless `id` is given.'),
          id: pointer('In an item, the row’s id; rows that are not told of were taken.'),
          status: pointer('In an item, its HTTP status.'),
          error: pointer('In an item, what is set when it was refused. Its text goes into the dead letter.'),
        },
        required: ['items'],
        anyOf: [{ required: ['status'] }, { required: ['error'] }],
        additionalProperties: false,
      },
      ...authorizationProperties,
      connections: whole('At most so many requests at once.', 2, 100),
      perSecond: {
        description: 'At most so many requests a second, of each instance.',
        type: 'number',
        exclusiveMinimum: 0,
      },
      timeoutMs: { description: 'Time for one request, in ms.', type: 'integer', minimum: 100, default: 30_000 },
    },
    required: ['address'],
    additionalProperties: false,
  },
  check: (config) => check(config),
  create: (config, context) => new HttpTarget(config, context),
};

function check({ path, rows, item, deletes, format, under }: HttpConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const byId = path?.includes('{id}') ?? false;
  if (byId && rows !== undefined && rows !== 1)
    problems.push({ path: ['rows'], what: 'requests whose path holds `{id}` have one row', help: 'leave `rows` out' });
  if (deletes === 'request' && !byId)
    problems.push({ path: ['deletes'], what: 'a DELETE needs `{id}` in `path`', help: 'e.g. `path: /orders/{id}`' });
  if (item === 'value' && deletes !== 'request')
    problems.push({
      path: ['item'],
      what: 'a deletion has no fields, so that nobody could tell whose it is',
      help: 'set `deletes: request`, or keep `item: record`',
    });
  if (format === 'ndjson' && under !== undefined)
    problems.push({ path: ['under'], what: '`under` means nothing with `format: ndjson`' });
  return problems;
}

class HttpTarget implements Target {
  readonly #config: HttpConfig;
  readonly #items: ItemWriter;
  readonly #requests: Requests;
  readonly #single: boolean;
  readonly #delivered = new Delivered();

  constructor(config: HttpConfig, { fields, env }: TargetContext) {
    this.#config = config;
    this.#items = itemWriter(fields);
    this.#requests = new Requests(config, env, { what: 'target', unavailable: 'TARGET_UNAVAILABLE' });
    this.#single = config.rows === 1 || (config.path?.includes('{id}') ?? false);
  }

  open(): Promise<void> {
    return this.#requests.reach();
  }

  async write(rows: TargetRow[], dryRun = false): Promise<(Outcome | Fault)[]> {
    if (dryRun) return rows.map(() => 'written');
    return this.#delivered.write(rows, async (open, note) => {
      const texts = open.map((row) =>
        this.#config.item === 'value' ? this.#items.value(row) : this.#items.record(row),
      );
      const lanes = lanesOf(open, this.#config.connections ?? 2).map((left) => ({ left }));
      await runLanes(lanes, async (lane) => {
        const batch = this.#nextBatch(lane.left, open, texts);
        lane.left = lane.left.slice(batch.length);
        await this.#deliver(batch, open, texts, note);
        return lane.left.length > 0;
      });
    });
  }

  async close(): Promise<void> {
    this.#requests.close();
  }

  /** It goes out as a request of its own. */
  #isDelete(row: TargetRow | undefined): boolean {
    return row?.value === null && this.#config.deletes === 'request';
  }

  #nextBatch(left: readonly number[], rows: readonly TargetRow[], texts: readonly string[]): number[] {
    const { bytes = 1_048_576 } = this.#config;
    const most = this.#single ? 1 : (this.#config.rows ?? 100);
    let size = 0;
    let count = 0;
    for (const i of left) {
      size += Buffer.byteLength(texts[i] as string) + 1;
      const alone = this.#isDelete(rows[i]);
      if (count > 0 && (size > bytes || alone)) break;
      count++;
      if (alone || count === most) break;
    }
    return left.slice(0, count);
  }

  /** Sends rows until each has its answer: those refused together are halved, those told to come again are. */
  async #deliver(
    batch: readonly number[],
    rows: readonly TargetRow[],
    texts: readonly string[],
    note: (index: number, answer: Outcome | Fault) => void,
  ): Promise<void> {
    const of = batch.map((i) => rows[i] as TargetRow);
    const { status, json, place } = await this.#requests.send(
      this.#request(
        of,
        batch.map((i) => texts[i] as string),
      ),
    );
    if (isMisconfigured(status) || (status === 404 && !(this.#config.path?.includes('{id}') ?? false)))
      throw new Fault('CONFIG_INVALID', `the service answers with status ${status}`, {
        place,
        help: 'check address, `path`, `method` and `format` of the target',
      });
    const { answer } = this.#config;
    const accepted = status >= 200 && status < 300;
    if (!accepted && batch.length > 1) {
      const middle = batch.length >>> 1;
      await this.#deliver(batch.slice(0, middle), rows, texts, note);
      return this.#deliver(batch.slice(middle), rows, texts, note);
    }
    const ids = of.map(({ id }) => id);
    const answers: ItemAnswer[] =
      accepted && answer !== undefined
        ? itemAnswers(json, answer, ids, place)
        : batch.map((i) => (isGone(status) && this.#isDelete(rows[i]) ? 'unchanged' : itemAnswer(status, place)));
    let again = 0;
    for (const [i, each] of answers.entries()) {
      if (each === 'again') again++;
      else note(batch[i] as number, each);
    }
    if (again > 0)
      throw new Fault('TARGET_UNAVAILABLE', `${again} of ${batch.length} rows are to come again`, { place });
  }

  #request(rows: readonly TargetRow[], texts: readonly string[]): Sent {
    const { path = '', method = 'POST', format, under, idempotencyKey = 'Idempotency-Key' } = this.#config;
    const [first] = rows as [TargetRow];
    const headers: Record<string, string> = { [idempotencyKey]: keyOf(rows) };
    if (rows.length === 1) {
      headers['record-id'] = encodeURIComponent(first.id.toWellFormed());
      headers['record-version'] = String(first.version);
      headers['record-revision'] = String(first.revision);
    }
    const at = path.replaceAll('{id}', encodeURIComponent(first.id.toWellFormed()));
    if (this.#isDelete(first)) return { method: 'DELETE', path: at, headers };
    const isLines = format === 'ndjson';
    headers['content-type'] = isLines ? 'application/x-ndjson' : 'application/json';
    const list = under === undefined ? `[${texts.join(',')}]` : `{${JSON.stringify(under)}:[${texts.join(',')}]}`;
    const body = isLines ? `${texts.join('\n')}\n` : this.#single ? (texts[0] as string) : list;
    return { method, path: at, headers, body };
  }
}

/** What is to be deleted is not there. */
const isGone = (status: number): boolean => status === 404 || status === 410;

/** The same for the same rows, wherever they come from; 32 hexadecimal digits. */
function keyOf(rows: readonly TargetRow[]): string {
  const hash = createHash('sha256');
  for (const { id, version, revision, bytes } of rows)
    hash.update(`${id.length}/${id}/${version}/${revision}/${bytes === null ? '-' : contentHash(bytes)}\n`);
  return hash.digest('hex').slice(0, 32);
}
