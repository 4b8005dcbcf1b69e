/** An extractor that knows the source `mailbox`, and ends where `DIE` says. */
import './mailbox-source.ts';
import { runStation } from '@quadrille/station';
import { dyingSettle } from './dying.ts';

await runStation('extractor', { settle: dyingSettle });
