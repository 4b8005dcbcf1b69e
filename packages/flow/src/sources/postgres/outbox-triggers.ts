/** Makes the triggers of a station's outbox, or takes them away: for those who may change the tables. */
import { DatabaseError } from 'pg';
import type { SourceContext } from '../../source.ts';
import { connect, disconnect, sourceFault } from './connect.ts';
import type { OutboxConfig } from './outbox.ts';
import { installScript, outboxState, removeScript } from './outbox-ddl.ts';
import { outboxPlan } from './outbox-plan.ts';

export type { OutboxConfig } from './outbox.ts';

export interface TriggerRequest {
  remove: boolean;
  /** May read the outbox from now on. */
  role?: string | undefined;
  execute: boolean;
}

export interface TriggerAnswer {
  /** SQL, one transaction; undefined: all is as it should be. */
  script: string | undefined;
  executed: boolean;
}

const OWNER = 'let a user do it who owns the table: name the variable with the address by --address';

/**
 * @param context `env` holds the address of a user who owns the table.
 * @throws Fault SOURCE_MISSING, SOURCE_SETTINGS, ACCESS_DENIED, SOURCE_UNAVAILABLE
 */
export async function outboxTriggers(
  config: OutboxConfig,
  context: Pick<SourceContext, 'flow' | 'station' | 'env'>,
  { remove, role, execute }: TriggerRequest,
): Promise<TriggerAnswer> {
  const client = await connect(config, context, { readOnly: !execute });
  try {
    const plan = await outboxPlan(client, config, { ...context, schema: [] });
    const { oid, missing, current } = await outboxState(client, plan);
    const isDone = remove ? oid === undefined : oid !== undefined && missing.length === 0 && current && !role;
    if (isDone) return { script: undefined, executed: false };
    const script = remove ? removeScript(plan) : installScript(plan, role);
    if (execute) await client.query(script);
    return { script, executed: execute };
  } catch (error) {
    const isDenied = error instanceof DatabaseError && error.code === '42501';
    throw sourceFault(error, `${config.schema ?? 'public'}.${config.table}`, isDenied ? { help: OWNER } : {});
  } finally {
    await disconnect(client);
  }
}
