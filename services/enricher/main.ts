/** Runs one enricher of a flow; QUADRILLE_FLOW and QUADRILLE_STATION say which. */
import { runStation } from '@quadrille/station';

await runStation('enricher');
