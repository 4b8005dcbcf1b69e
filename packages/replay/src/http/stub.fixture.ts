/** A backend that has no Kafka and no database behind it: for what the HTTP layer alone is answerable for. */
import { createHash } from 'node:crypto';
import { createLog } from '@quadrille/station';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type {
  AuditEntry,
  DeadLetterDetail,
  DeadLetterGroup,
  DeadLetterWithValue,
  Replay,
  ReplayItem,
  Role,
} from '../api/index.ts';
import type { Backend } from './backend.ts';
import type { Sensitivity, TopicSensitivity } from './sensitivity.ts';
import { createServer, type ServerOptions } from './server.ts';
import { holderOf } from './tokens.ts';

export const SECRET = 'jane@secret.example';
const AT = '2026-11-24T00:00:00.000Z';
const PLACE = { topic: 'people.in', partition: 0, offset: 7 };

const letter = {
  id: '0123456789ab',
  edition: 1,
  state: 'open' as const,
  flow: 'people',
  station: 'judge',
  topic: 'people.in',
  recordId: SECRET,
  version: '1',
  revision: 0,
  code: 'RULE_THREW',
  class: 'rule',
  field: null,
  fingerprint: '00112233445566aa',
  message: `rule threw: no town for ${SECRET}`,
  place: 'rules/town.ts:3',
  attempts: 1,
  first: AT,
  last: AT,
  at: { topic: 'dlq.people.in', partition: 0, offset: 0 },
  source: PLACE,
  key: SECRET,
  bytes: 40,
  corrected: false,
  replay: null,
  resolution: null,
  downstream: [],
};
const value = { email: SECRET, town: 'Graz' };

export const detail: DeadLetterDetail = {
  ...letter,
  value,
  fields: [
    { name: 'email', type: 'string', doc: '', sensitive: true, value: SECRET },
    { name: 'town', type: 'string', doc: '', sensitive: false, value: 'Graz' },
  ],
  schema: {},
  schemaId: 1,
  problem: `cannot be decoded at ${SECRET}`,
  text: `\u0000${SECRET}`,
  headers: [
    { name: 'quadrille', value: SECRET },
    { name: '__dlq.errors.message', value: letter.message },
    { name: '__dlq.errors.topic', value: 'people.in' },
    { name: 'trace', value: SECRET },
  ],
  stack: `Error: ${SECRET}`,
  service: '0.1.0',
  history: [
    {
      revision: 0,
      at: AT,
      code: 'RULE_THREW',
      field: null,
      message: letter.message,
      place: null,
      replay: null,
      letter: PLACE,
    },
  ],
  corrections: [{ number: 1, by: 'ann', at: AT, reason: '', value, revision: null }],
  before: [{ at: PLACE, time: AT, recordId: SECRET, version: null, revision: null, verdict: 'pass' }],
  after: [],
  masked: [],
};

export const withValue: DeadLetterWithValue = {
  ...letter,
  value,
  schemaId: 1,
  problem: null,
  raw: { key: btoa(SECRET), value: btoa(SECRET), headers: [] },
};
export const group: DeadLetterGroup = {
  fingerprint: letter.fingerprint,
  flow: 'people',
  station: 'judge',
  topic: 'people.in',
  code: letter.code,
  class: 'rule',
  field: null,
  count: 1,
  states: { open: 1 },
  attempts: 1,
  trend: [1],
  first: AT,
  last: AT,
  message: letter.message,
};
export const replay: Replay = {
  id: 'people-1',
  kind: 'replay',
  flow: 'people',
  station: 'judge',
  destination: 'replay.people.judge',
  state: 'running',
  revision: 1,
  records: 1,
  sent: 0,
  passed: 0,
  dropped: 0,
  rejected: 0,
  withdrawn: 0,
  outcomes: {},
  rate: null,
  ramp: [],
  stopAt: 0.5,
  reason: '',
  by: 'ann',
  created: AT,
  finished: null,
  fault: null,
};
export const item: ReplayItem = {
  seq: 0,
  deadLetter: letter.id,
  recordId: SECRET,
  from: letter.at,
  sent: null,
  state: 'rejected',
  code: 'RULE_THREW',
  message: letter.message,
  field: null,
  downstream: [],
  outputs: [{ topic: 'people.out', key: SECRET, value }],
};

const topic = (sensitive: string[], known: string[]): TopicSensitivity => ({
  hides: (field) => sensitive.includes(field) || !known.includes(field),
  fields: new Set(sensitive),
  some: sensitive.length > 0,
  ids: sensitive.length > 0,
  keys: sensitive.length > 0,
});
export const sensitivity: Sensitivity = {
  of: () => topic(['email'], ['email', 'town']),
  any: true,
  ids: (flow) => flow === 'people',
};

/** Answers with the one of each kind above, and notes what it was asked. */
export function stub(): Backend & { asked: unknown[]; noted: Omit<AuditEntry, 'id' | 'at'>[] } {
  const asked: unknown[] = [];
  const noted: Omit<AuditEntry, 'id' | 'at'>[] = [];
  const answers =
    <T>(answer: T) =>
    async (...given: unknown[]): Promise<T> => {
      asked.push(given);
      return answer;
    };
  const counts = { open: 0, corrected: 0, replaying: 0, resolved: 0, discarded: 0 };
  return {
    asked,
    noted,
    status: answers({ version: '0', instance: 'x', leading: true, caughtUp: true, behind: 0, flows: [] }),
    unready: answers(undefined),
    groups: answers([group]),
    deadLetters: answers({ items: [letter], cursor: null }),
    deadLettersWithValues: answers({ items: [withValue], cursor: null }),
    deadLetter: answers(detail),
    correct: answers({ accepted: 1, unchanged: 0, problems: [] }),
    discard: answers({ changed: 1, refused: 0 }),
    restore: answers({ changed: 1, refused: 0 }),
    replay: answers({ plan: null, replays: [replay] }),
    cancel: answers(replay),
    replays: answers({ items: [replay], cursor: null }),
    replayOf: answers(replay),
    items: answers({ items: [item], cursor: null }),
    reconcile: answers({
      flow: 'people',
      at: AT,
      balanced: true,
      unaccounted: 0,
      drained: true,
      conflicts: 0,
      stations: {},
      edges: [],
      ends: [],
      findings: [],
      deadLetters: counts,
    }),
    trace: answers({ recordId: 'x', flow: 'people', steps: [] }),
    audit: answers({
      items: [
        {
          id: '1',
          at: AT,
          by: 'ann',
          role: 'operate',
          action: 'discard',
          reason: '',
          plan: { selection: { where: `email = '${SECRET}'`, station: 'judge' } },
          result: null,
          outcome: 'ok',
        },
      ],
      cursor: null,
    }),
    note: async (entry) => void noted.push(entry),
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const token = (role: Role): string => `token-of-${role}`;

/** A server upon it that knows one token of each role. */
export function serverOn(backend: Backend, more: Partial<ServerOptions> = {}): Promise<FastifyInstance> {
  const roles: Role[] = ['view', 'operate', 'admin'];
  return createServer({
    backend,
    holder: holderOf(roles.map((role) => ({ name: `of-${role}`, role, sha256: sha256(token(role)) }))),
    sensitivity: () => sensitivity,
    metrics: new Registry(),
    log: createLog({}, 'silent'),
    ...more,
  });
}

export const as = (role: Role) => ({ authorization: `Bearer ${token(role)}` });
