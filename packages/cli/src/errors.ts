/** How what was thrown is shown to a person, and which exit code it means. */
import { sep } from 'node:path';
import { StackError, StackErrors } from '@quadrille/devstack';
import { Fault, Faults } from '@quadrille/record';
import { isKafkaError, kafkaFault } from '@quadrille/station';
import { EXIT, type ExitCode } from './exit.ts';
import { ServiceError } from './replay/client.ts';

/** Ctrl-C, where a command could not simply come to its end. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/** One form for all errors; the stack of a defect only with QUADRILLE_LOG=debug. */
export function formatError(thrown: unknown, debug = false): string {
  if (
    thrown instanceof Fault ||
    thrown instanceof Faults ||
    thrown instanceof StackError ||
    thrown instanceof StackErrors
  ) {
    const cause = debug && thrown.cause instanceof Error ? `\n${thrown.cause.stack}` : '';
    // Files of this folder as people type them.
    return thrown.format().replaceAll(`${process.cwd()}${sep}`, '') + cause;
  }
  if (thrown instanceof ServiceError) return thrown.format();
  if (thrown instanceof Cancelled) return 'cancelled';
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (isKafkaError(error)) return kafkaFault(error).format() + (debug ? `\n${error.stack}` : '');
  const what = `DEFECT: ${error.message}\n  help: this is a defect of Quadrille; run again with QUADRILLE_LOG=debug and report what is printed`;
  return debug ? `${what}\n${error.stack}` : what;
}

export function exitCodeOf(thrown: unknown): ExitCode {
  if (thrown instanceof Cancelled) return EXIT.cancelled;
  if (thrown instanceof ServiceError) {
    if (thrown.has('NOT_ALLOWED', 'UNAUTHENTICATED')) return EXIT.notAllowed;
    return thrown.has('REQUEST_INVALID', 'USAGE', 'SELECTION_UNBOUNDED') ? EXIT.usage : EXIT.findings;
  }
  if (thrown instanceof Fault && thrown.code === 'UNAUTHENTICATED') return EXIT.notAllowed;
  if (thrown instanceof Fault && ['USAGE', 'SELECTION_UNBOUNDED'].includes(thrown.code)) return EXIT.usage;
  return EXIT.findings;
}
