/** The part of the fault table that the replay service, webhooks and the commands say. */
import type { Row } from './fault-table.ts';

export const SERVICE_FAULTS = {
  DATABASE_UNAVAILABLE: {
    class: 'dependency',
    message: 'the replay service cannot use its database',
    help: 'see whether PostgreSQL runs and DATABASE_URL is right; the service goes on by itself',
  },
  REPLAY_UNAVAILABLE: {
    class: 'dependency',
    message: 'the replay service does not answer',
    help: 'start it with `quadrille up FLOW`, or name it with QUADRILLE_REPLAY_URL',
  },
  DEFECT: {
    class: 'usage',
    message: 'the replay service has failed on this request',
    help: 'a defect of Quadrille: its log tells more under this request; report what stands there',
  },
  UNAUTHENTICATED: {
    class: 'usage',
    message: 'no valid token',
    help: 'give a token in QUADRILLE_TOKEN; on this machine `quadrille` finds the one made at first start',
  },
  OUTSIDE_FAILED: {
    class: 'usage',
    message: 'what is to be around the flow does not run',
    help: 'mend the file that the flow file names as `outside`',
  },
  STATION_RUNNING: { class: 'usage', message: 'the station still runs', help: 'stop all its instances first' },
  STATION_NEEDED: {
    class: 'usage',
    message: 'the station still has work to do',
    help: 'let it finish, or give up what is left with the option that is named',
  },
  NOT_ALLOWED: { class: 'usage', message: 'the token does not allow this', help: 'ask for a token of another role' },
  TOO_MANY_REQUESTS: { class: 'usage', message: 'too many requests', help: 'wait as long as Retry-After says' },
  SIGNATURE_INVALID: {
    class: 'usage',
    message: 'the call is not signed as it must be',
    help: 'see docs/how-to/read-from-http.md for what is signed, and how',
  },
  CALL_AGAIN: {
    class: 'usage',
    message: 'the call could not be settled now',
    help: 'call again with the same content and key, as soon as Retry-After says',
  },
  REQUEST_INVALID: { class: 'usage', message: 'request is not valid', help: 'see /openapi.json of the service' },
  EDIT_CONFLICT: {
    class: 'usage',
    message: 'somebody else has changed this dead letter meanwhile',
    help: 'look at it again with `quadrille dlq show`, then edit it anew',
  },
  CORRECTION_INVALID: {
    class: 'usage',
    message: 'the corrected value does not fit the schema',
    help: 'correct the fields named; the original stays as it is',
  },
  REPLAYING_ALREADY: {
    class: 'usage',
    message: 'the record is being replayed',
    help: 'wait for its verdict: `quadrille replay list`',
  },
  STATE_FORBIDS: {
    class: 'usage',
    message: 'the state of the dead letter does not allow this',
    help: 'see its state with `quadrille dlq show`',
  },
  SELECTION_EMPTY: {
    class: 'usage',
    message: 'nothing is selected',
    help: 'loosen the conditions, see `quadrille dlq list`',
  },
  SELECTION_UNBOUNDED: {
    class: 'usage',
    message: 'no condition is named',
    help: 'name one, or say that everything is meant with --yes',
  },
  OFFSETS_GONE: {
    class: 'usage',
    message: 'the topic does not hold these offsets',
    help: 'see what it holds with `quadrille topic list`',
  },
  FORMER_OUTPUTS_GONE: {
    class: 'usage',
    message: 'what these records led to before can no longer be read, so nobody could say what to delete',
    help: 'narrow the selection, or accept that old outputs may stay with --allow-orphans',
  },
  FAILED_AGAIN: {
    class: 'usage',
    message: 'too many records failed again, the replay has stopped',
    help: 'look at what fails with `quadrille replay show`, correct it, then replay the rest',
  },
  ANSWER_INVALID: {
    class: 'usage',
    message: 'the editor did not leave valid JSON',
    help: 'edit again; nothing was changed',
  },
  USAGE: { class: 'usage', message: 'command line is not valid', help: 'see `quadrille help`' },
  NOT_FOUND: { class: 'usage', message: 'nothing of that name', help: 'list what there is first' },
} as const satisfies Record<string, Row>;
