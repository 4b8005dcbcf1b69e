/** What an error of PostgreSQL, or of the way to it, means for the loader (SQLSTATE: PostgreSQL documentation, appendix A). */
import { Fault, type FaultCode } from '@quadrille/record';
import { DatabaseError } from 'pg';

/** Tried again at once: the transaction lost against another, nothing is wrong with it. */
export const isRetryable = (error: unknown): boolean =>
  error instanceof DatabaseError && (error.code === '40P01' || error.code === '40001');

/** There is no such table or schema. */
export const isAbsent = (error: unknown): boolean =>
  error instanceof DatabaseError && (error.code === '42P01' || error.code === '3F000');

/** By the first characters of the SQLSTATE, the longest first. Anything else: the target cannot do it now. */
const CODES: readonly [string, FaultCode][] = [
  ['42501', 'ACCESS_DENIED'],
  ['28', 'ACCESS_DENIED'],
  ['3D', 'ACCESS_DENIED'],
  // data, constraints, views' check options, limits of a row or an index, what triggers raise
  ['22', 'TARGET_REFUSED'],
  ['23', 'TARGET_REFUSED'],
  ['44', 'TARGET_REFUSED'],
  ['54000', 'TARGET_REFUSED'],
  ['P0001', 'TARGET_REFUSED'],
];

/**
 * @param place table or address, without a password.
 * @param parameters the columns behind the statement's parameters, in order.
 */
export function faultOf(error: unknown, place: string, parameters: readonly string[] = []): Fault {
  if (error instanceof Fault) return error;
  const detail = error instanceof Error ? described(error) : String(error);
  if (!(error instanceof DatabaseError)) return new Fault('TARGET_UNAVAILABLE', detail, { place, cause: error });
  const state = error.code ?? '';
  const code = CODES.find(([start]) => state.startsWith(start))?.[1] ?? 'TARGET_UNAVAILABLE';
  const field = code === 'TARGET_REFUSED' ? fieldOf(error, parameters) : undefined;
  // `detail` of the error stays out: it holds the whole row
  return new Fault(code, `${detail} (${state})`, {
    place,
    cause: error,
    ...(field !== undefined && { field }),
    ...help(state),
  });
}

const described = (error: Error): string => {
  // Node puts one error for each address behind a name into an AggregateError without a message
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && first.message !== '' ? first.message : error.name;
};

function fieldOf(error: DatabaseError, parameters: readonly string[]): string | undefined {
  const parameter = /parameter \$(\d+)/.exec(`${error.message} ${error.where ?? ''}`);
  return error.column ?? (parameter === null ? error.constraint : parameters[Number(parameter[1]) - 1]);
}

function help(state: string): { help?: string } {
  if (state.startsWith('3D')) return { help: 'create the database, or correct its name in the address' };
  if (state === '42501') return { help: 'grant the user what it needs on the schema and the table' };
  if (state.startsWith('42'))
    return { help: 'the table was changed under the running loader: restore it, or restart the loader' };
  if (state === '57014')
    return { help: 'the statement ran out of time: look for locks, or raise `timeoutMs` of the target' };
  return {};
}
