/** Runs one instance of the replay service; its environment says for which flows, and where it listens. */
import { runReplayService } from '@quadrille/replay';

await runReplayService();
