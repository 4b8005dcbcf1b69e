/** Dead letters: groups, list, one in full. */
import { Fault } from '@quadrille/record';
import Type from 'typebox';
import {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterGroup,
  DeadLetterWithValue,
  ListQuery,
  page,
  type Role,
  type Selection,
  SelectionQuery,
} from '../../api/index.ts';
import type { Backend } from '../backend.ts';
import { Mask } from '../mask.ts';
import { pageOf } from '../paging.ts';
import { type AnyRoute, route } from '../route.ts';
import type { Sensitivity } from '../sensitivity.ts';

export const LetterId = Type.String({ pattern: '^[0-9a-f]{12}$' });

export const deadLetterRoutes = (backend: Backend, sensitivity: () => Sensitivity): AnyRoute[] => {
  const masked = <T>(role: Role, value: T, mask: (by: Mask, value: T) => T): T =>
    role === 'view' ? mask(new Mask(sensitivity()), value) : value;
  return [
    route({
      method: 'GET',
      url: '/v1/groups',
      summary: 'Dead letters by cause',
      role: 'view',
      query: SelectionQuery,
      answer: Type.Object({ items: Type.Array(DeadLetterGroup) }),
      handle: async ({ query, caller }) => {
        const groups = await backend.groups(selectionOf(query, caller.role, sensitivity()));
        return { items: masked(caller.role, groups, (by, all) => all.map((group) => by.group(group))) };
      },
    }),
    route({
      method: 'GET',
      url: '/v1/dead-letters',
      summary: 'Dead letters, the newest first; with values=true as they would be sent now',
      role: 'view',
      query: ListQuery,
      answer: page(Type.Union([DeadLetterWithValue, DeadLetter])),
      handle: async ({ query: { values, limit, cursor, ...conditions }, caller }) => {
        const selection = selectionOf(conditions, caller.role, sensitivity());
        if (values === true) {
          const found = await backend.deadLettersWithValues(selection, pageOf({ limit, cursor }));
          return {
            ...found,
            items: masked(caller.role, found.items, (by, all) => all.map((each) => by.withValue(each))),
          };
        }
        const found = await backend.deadLetters(selection, pageOf({ limit, cursor }));
        return {
          ...found,
          items: masked(caller.role, found.items, (by, all) => all.map((each) => by.deadLetter(each))),
        };
      },
    }),
    route({
      method: 'GET',
      url: '/v1/dead-letters/:id',
      summary: 'One dead letter with its value, schema, headers, attempts, corrections and neighbours',
      role: 'view',
      params: Type.Object({ id: LetterId }),
      answer: DeadLetterDetail,
      handle: async ({ params, caller }) =>
        masked(caller.role, await backend.deadLetter(params.id), (by, letter) => by.detail(letter)),
    }),
  ];
};

/**
 * The selection of a query. Where anything is sensitive, role view may not set conditions over values, nor over keys and
 * record ids: by asking often enough one could find out what they are.
 */
function selectionOf({ offsets, ...rest }: SelectionQuery, role: Role, { any }: Sensitivity): Selection {
  if (role === 'view' && any && (rest.where ?? rest.key ?? rest.record) !== undefined)
    throw new Fault(
      'NOT_ALLOWED',
      'some fields are sensitive: role operate is needed for conditions over values, keys and record ids',
    );
  if (offsets === undefined) return rest;
  const [from, to] = offsets.split('-').map(Number);
  return { ...rest, offsets: { from: from!, to: to! } };
}
