/**
 * One stack for a whole run of tests: Kafka, registry and PostgreSQL with their state in a temporary folder, or the
 * servers that the environment names. What the tests leave running fails the run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeState, type Stack, StackError, StackErrors, startStack } from '@quadrille/devstack';
import { connectKafka, createLog, KafkaAdmin } from '@quadrille/station';

/** A killed station is a member of its group until its session ends. */
const SESSIONS_END_MS = 15_000;

/**
 * Runs `work` with the three addresses in its environment; stops the stack afterwards, whatever happens.
 * @param work its exit code.
 * @returns that code, or 1 where it was 0 and something was left running.
 */
export async function withStack(work: (env: Record<string, string>) => Promise<number>): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'quadrille-test-stack-'));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let stack: Stack;
  try {
    stack = await startStack({ dir, onProgress: say });
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    say(error instanceof StackError || error instanceof StackErrors ? error.format() : String(error));
    return 1;
  }
  const end = async (): Promise<void> => {
    await stack.stop();
    if (stack.kind === 'given') rmSync(dir, { recursive: true, force: true });
    else await removeState(dir);
  };
  const interrupted = (): void => void end().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const code = await work({
      KAFKA_BROKERS: stack.brokers.join(','),
      SCHEMA_REGISTRY_URL: stack.registryUrl,
      DATABASE_URL: stack.databaseUrl,
    });
    // Servers of others may have members of others.
    const left = stack.kind === 'given' ? [] : await membersLeft(stack.brokers);
    for (const group of left)
      say(`LEAK group ${group} still has a member\n  help: a test left a station or consumer running`);
    return left.length > 0 ? 1 : code;
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await end();
  }
}

/** Groups that still have members once every session that nobody keeps up has ended. */
async function membersLeft(brokers: string[]): Promise<string[]> {
  const kafka = connectKafka(
    { brokers, clientId: 'test-run', sessionTimeoutMs: 10_000 },
    createLog({ station: 'test-run' }, 'silent'),
  );
  const admin = new KafkaAdmin(kafka);
  try {
    for (let end = Date.now() + SESSIONS_END_MS; ; ) {
      const left = await admin.activeGroups();
      if (left.length === 0 || Date.now() > end) return left;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } finally {
    await admin.close();
  }
}
