/** Corrections: many at a time, each standing for itself. */
import { CorrectionRequest, CorrectionResult } from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { type AnyRoute, route } from '../route.ts';

export const correctionRoutes = (backend: Backend): AnyRoute[] => [
  route({
    method: 'POST',
    url: '/v1/corrections',
    summary: 'Correct values; without execute they are only checked',
    role: 'operate',
    body: CorrectionRequest,
    answer: CorrectionResult,
    change: {
      action: ({ body }) => (body.execute === true ? 'correct' : undefined),
      reason: ({ body }) => body.reason ?? '',
      plan: ({ body }) => ({ items: body.items.map(({ deadLetter, edition }) => ({ deadLetter, edition })) }),
      result: ({ accepted, unchanged, problems }: CorrectionResult) => ({
        accepted,
        unchanged,
        problems: problems.map(({ deadLetter, fault }) => ({ deadLetter, code: fault.code })),
      }),
    },
    handle: ({ caller, body }) => backend.correct(caller, body),
  }),
];
