/** A call, held to its role; when it changes something, it stands in the audit afterwards, also when it was refused. */
import { Fault, Faults } from '@quadrille/record';
import type { Log } from '@quadrille/station';
import type { Backend } from './backend.ts';
import { type AnyRoute, allows, type Call } from './route.ts';

/** @throws what the route throws; NOT_ALLOWED when the caller's role is too low. */
export async function audited(
  route: AnyRoute,
  call: Call<unknown, unknown, unknown>,
  backend: Backend,
  log: Log,
): Promise<unknown> {
  const { change, role } = route;
  const action = change?.action(call);
  const work = async (): Promise<unknown> => {
    if (!allows(call.caller.role, role))
      throw new Fault('NOT_ALLOWED', `it is of role ${call.caller.role}, ${role} is needed`);
    return route.handle(call);
  };
  if (change === undefined || action === undefined) return work();
  const { name, role: callerRole } = call.caller;
  const note = async (result: unknown, outcome: string): Promise<void> => {
    const entry = { by: name, role: callerRole, action, reason: change.reason(call), plan: change.plan(call) };
    // The change is done, and written down as a decision with who and why; an answer that denies it would be wrong.
    await backend
      .note({ ...entry, result, outcome })
      .catch((error) => log.error({ action, by: name, outcome, code: codeOf(error) }, 'not written to the audit'));
  };
  let answer: unknown;
  try {
    answer = await work();
  } catch (error) {
    await note(null, codeOf(error));
    throw error;
  }
  await note(change.result(answer as never), 'ok');
  return answer;
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof Faults) return thrown.faults[0]?.code ?? 'DEFECT';
  return thrown instanceof Fault ? thrown.code : 'DEFECT';
}
