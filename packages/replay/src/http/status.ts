/** From faults to answers: HTTP status by code, one body for every error. */
import { Fault, type FaultCode, Faults } from '@quadrille/record';
import type { ApiFault, ErrorBody } from '../api/index.ts';

/** What the service itself answers with; codes that only stations meet are not listed. */
const STATUS: Partial<Record<FaultCode, number>> = {
  REQUEST_INVALID: 400,
  SQL_INVALID: 400,
  SQL_TIMEOUT: 400,
  SELECTION_EMPTY: 400,
  SELECTION_UNBOUNDED: 400,
  UNAUTHENTICATED: 401,
  NOT_ALLOWED: 403,
  NOT_FOUND: 404,
  EDIT_CONFLICT: 409,
  REPLAYING_ALREADY: 409,
  STATE_FORBIDS: 409,
  FORMER_OUTPUTS_GONE: 409,
  OFFSETS_GONE: 410,
  CORRECTION_INVALID: 422,
  TOO_MANY_REQUESTS: 429,
  DEFECT: 500,
};

/** Of a fault. A dependency that is away: 503; anything else that was not foreseen here is the request's. */
export function statusOf({ code, class: kind }: { code: string; class: string }): number {
  const status = STATUS[code as FaultCode];
  if (status !== undefined) return status;
  return kind === 'dependency' ? 503 : 422;
}

export const apiFault = (fault: Fault): ApiFault => ({
  code: fault.code,
  message: fault.message,
  ...(fault.place === undefined ? {} : { place: fault.place }),
  ...(fault.field === undefined ? {} : { field: fault.field }),
  help: fault.help,
});

export const bodyOf = (faults: readonly Fault[]): ErrorBody => ({ errors: faults.map(apiFault) });

/** What Fastify throws before a handler runs; its own texts quote nothing of the body. */
interface HttpError {
  statusCode?: number;
  code?: string;
  message?: string;
}

/**
 * @returns undefined for a defect: what was thrown is no answer to anybody.
 */
export function answerOf(thrown: unknown): { status: number; faults: readonly Fault[] } | undefined {
  if (thrown instanceof Faults) return { status: statusOf(thrown.faults[0]!), faults: thrown.faults };
  if (thrown instanceof Fault) return { status: statusOf(thrown), faults: [thrown] };
  const { statusCode = 500, code = '' } = thrown as HttpError;
  if (statusCode < 400 || statusCode >= 500) return undefined;
  return { status: statusCode, faults: [new Fault('REQUEST_INVALID', WORDS[code] ?? '')] };
}

const WORDS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is larger than 8 MiB',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the body must be application/json',
};
