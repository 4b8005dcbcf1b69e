/** The process that plays what is around a flow: `node outside-child.ts FILE`, spoken to over IPC. */
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { findOwnPackages, type OutsideContext, type OutsideDefinition } from '@quadrille/flow';

/** What it is told first. */
export type OutsideOrder = Pick<OutsideContext, 'flow' | 'databaseUrl' | 'brokers' | 'stateFolder'>;

/** What it tells: lines for a person; that it is ready; that nothing more will come; that it cannot go on. */
export type OutsideWord =
  | { type: 'line'; line: string }
  | { type: 'ready'; env: Record<string, string> }
  | { type: 'done' }
  | { type: 'failed'; message: string };

const tell = (word: OutsideWord): void => void process.send?.(word);

async function play(file: string): Promise<void> {
  const [order] = (await once(process, 'message')) as [OutsideOrder];
  findOwnPackages();
  const { default: definition } = (await import(pathToFileURL(file).href)) as { default?: OutsideDefinition };
  if (typeof definition?.start !== 'function')
    throw new Error('its default export is not made by `outside({ doc, start })`');
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    const end = (): void => {
      stop.abort();
      resolve();
    };
    // Also when the command that started it is gone.
    process.once('SIGTERM', end).once('SIGINT', end).once('disconnect', end);
  });
  const world = await definition.start({ ...order, stop: stop.signal, say: (line) => tell({ type: 'line', line }) });
  tell({ type: 'ready', env: { ...world.env } });
  await Promise.race([stopped, world.done]);
  if (!stop.signal.aborted) tell({ type: 'done' });
  await stopped;
  // What is cut short by the end is no failure.
  await world.done?.catch(() => {});
  await world.close?.();
}

try {
  await play(process.argv[2]!);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  const failed: OutsideWord = { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  if (process.connected) process.send?.(failed, () => process.exit(1));
  else process.exit(1);
}
