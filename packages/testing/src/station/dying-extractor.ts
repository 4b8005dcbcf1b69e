/** `services/extractor/main.ts`, that ends where `DIE` says. */
import { runStation } from '@quadrille/station';
import { dyingSettle } from './dying.ts';

await runStation('extractor', { settle: dyingSettle });
