/** What an HTTP answer says of the rows of its request. */
import { Fault } from '@quadrille/record';
import { pointed } from '../http/pointer.ts';
import { isPatience } from '../http/retry-after.ts';
import type { Outcome } from '../target.ts';

/** Where in a JSON answer stands what became of each row: JSON Pointers. */
export interface AnswerConfig {
  items: string;
  id?: string;
  status?: string;
  error?: string;
}

/** `again`: this row was not taken, for no fault of its own. */
export type ItemAnswer = Outcome | Fault | 'again';

/** No row is at fault: the address, the method or the format is not what the receiver has. */
export const isMisconfigured = (status: number): boolean =>
  (status >= 300 && status < 400 && status !== 304) || [405, 406, 407, 411, 415, 501, 505].includes(status);

/**
 * 2xx is written; 208 and 304 unchanged; 412 (a newer version stands) superseded; 409 conflict; other 4xx refuse the row.
 * @param detail what the receiver says of it, if it is asked to.
 */
export function itemAnswer(status: number, place: string, detail?: string): ItemAnswer {
  if (status === 208 || status === 304) return 'unchanged';
  if (status === 412) return 'superseded';
  if (status === 409) return 'conflict';
  if (status >= 200 && status < 300) return 'written';
  if (isPatience(status)) return 'again';
  return new Fault('TARGET_REFUSED', `status ${status}${detail === undefined ? '' : `, ${detail}`}`, { place });
}

const DETAIL_CHARACTERS = 200;

/**
 * The answer of each row of a request that was accepted as a whole.
 * @param json the body; undefined when it is no JSON.
 * @throws Fault CONFIG_INVALID when it does not say what `config` says that it does.
 */
export function itemAnswers(json: unknown, config: AnswerConfig, ids: readonly string[], place: string): ItemAnswer[] {
  const items = pointed(json, config.items);
  if (!Array.isArray(items)) throw unlike(`it has no list at \`${config.items}\``, place);
  if (config.id === undefined) {
    if (items.length !== ids.length) throw unlike(`it tells of ${items.length} rows, sent were ${ids.length}`, place);
    return items.map((item) => answerOf(item, config, place));
  }
  const byId = new Map(items.map((item) => [String(pointed(item, config.id as string)), item]));
  return ids.map((id) => {
    // What is not told of was taken: receivers that only list what failed.
    const item = byId.get(id);
    return item === undefined ? 'written' : answerOf(item, config, place);
  });
}

function answerOf(item: unknown, { status, error }: AnswerConfig, place: string): ItemAnswer {
  const told = error === undefined ? undefined : pointed(item, error);
  const failed = told !== undefined && told !== null && told !== false && told !== '';
  const text =
    typeof told === 'string' ? told.slice(0, DETAIL_CHARACTERS) : failed ? 'the receiver tells an error' : undefined;
  if (status !== undefined) {
    const code = Number(pointed(item, status));
    if (!Number.isInteger(code) || code < 100 || code > 599)
      throw unlike(`there is no HTTP status at \`${status}\` of an item`, place);
    return itemAnswer(code, place, text);
  }
  return failed ? new Fault('TARGET_REFUSED', text as string, { place }) : 'written';
}

const unlike = (what: string, place: string): Fault =>
  new Fault('CONFIG_INVALID', `the answer is not as \`answer\` says: ${what}`, {
    place,
    help: 'compare `answer` of the target with what the receiver answers',
  });
