/** Runs one loader of a flow; QUADRILLE_FLOW and QUADRILLE_STATION say which. */
import { runStation } from '@quadrille/station';

await runStation('loader');
