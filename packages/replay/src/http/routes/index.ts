/** The table of routes; one file a resource. */
import type { Backend } from '../backend.ts';
import type { AnyRoute } from '../route.ts';
import type { Sensitivity } from '../sensitivity.ts';
import { auditRoutes } from './audit.ts';
import { correctionRoutes } from './corrections.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { pictureRoutes } from './pictures.ts';
import { replayRoutes } from './replays.ts';
import { setAsideRoutes } from './set-aside.ts';
import { statusRoutes } from './status.ts';

/** @param sensitivity asked anew at each call: flow files may change while the service runs. */
export const routesOf = (backend: Backend, sensitivity: () => Sensitivity): AnyRoute[] => [
  ...statusRoutes(backend),
  ...deadLetterRoutes(backend, sensitivity),
  ...correctionRoutes(backend),
  ...setAsideRoutes(backend),
  ...replayRoutes(backend, sensitivity),
  ...pictureRoutes(backend, sensitivity),
  ...auditRoutes(backend, sensitivity),
];
