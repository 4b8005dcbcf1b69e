/**
 * What stands around a flow: the database that is migrated, the queue that is read, whoever calls the webhook. For a
 * flow that is to run on one machine with nothing else there, a file of the flow's folder plays them; the flow file names
 * it (`outside: outside.ts`). `quadrille up` starts it with servers of its own, in a process of its own, and never with
 * servers that are given by address: those have a world of their own.
 */

export interface OutsideContext {
  /** Name of the flow. */
  flow: string;
  /** Of the servers that the flow runs on. */
  databaseUrl: string;
  brokers: readonly string[];
  /** Folder that is kept from run to run, and removed by `quadrille reset`. */
  stateFolder: string;
  /** Shows a line to the person who has started the flow. */
  say(line: string): void;
  /** Aborted when the run ends. */
  stop: AbortSignal;
}

export interface Outside {
  /** Variables that the stations get: addresses and secrets that the flow file names. */
  env?: Readonly<Record<string, string>>;
  /**
   * Resolves when nothing more will come: `--exit-when-drained` waits for it, beside the sources' own ends. Rejected: the
   * run is no longer what it is meant to be, and ends.
   */
  done?: Promise<void>;
  /** Ends what was started. Called once, when the stations are gone. */
  close?(): Promise<void>;
}

export interface OutsideDefinition {
  /** One line: what it plays. */
  doc: string;
  /** Makes everything ready; stations start when this has resolved. The same again on a world that stands changes nothing. */
  start(context: OutsideContext): Promise<Outside>;
}

/**
 * Declares it; gives it its types and nothing else. The default export of its file:
 *
 *     export default outside({ doc: 'The shop, with orders coming in.', async start({ databaseUrl }) { … } });
 */
export const outside = (definition: OutsideDefinition): OutsideDefinition => definition;
