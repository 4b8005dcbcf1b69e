/**
 * What can go wrong while servers are found, downloaded, started and stopped. This package depends on nothing of
 * Quadrille's own, so it has its own table, of the same form as the fault table of packages/record.
 */

import { MACHINE_ERRORS } from './machine.mjs';

interface StackErrorRow {
  message: string;
  help: string;
}

export const STACK_ERRORS = {
  ...MACHINE_ERRORS,
  ADDRESS_INVALID: {
    message: 'an address cannot be read',
    help: 'KAFKA_BROKERS is host:port,host:port; SCHEMA_REGISTRY_URL http(s)://host:port/path; DATABASE_URL postgres://user:password@host:port/database',
  },
  ADDRESS_UNREACHABLE: {
    message: 'nothing usable answers at a given address',
    help: 'check that the server runs, the port, and that this machine may reach it; unset the three addresses to have servers started for you',
  },
  STACK_IN_USE: {
    message: 'another process runs its stack in this state folder',
    help: 'stop that process first, or use a state folder of your own',
  },
  STACK_SHAPE: {
    message: 'the state folder holds a stack of another shape',
    help: 'ask for the shape it has, use another folder, or remove this state with `quadrille reset`',
  },
  STATE_DENIED: {
    message: 'the state folder cannot be used by this user',
    help: 'run as the user who created it, or remove it as that user and start again',
  },
  DOWNLOAD_FAILED: {
    message: 'Kafka and the registry could not be downloaded from the Maven repository',
    help: 'check the network, and the mirrors and proxies in ~/.m2/settings.xml; then start again',
  },
  CHECKSUM_MISMATCH: {
    message: 'downloaded files are not the ones this version was tested with, and are not used',
    help: 'remove the files from ~/.m2/repository and start again; if it happens again, a mirror or proxy alters them: tell its administrator',
  },
  PORT_TAKEN: {
    message: 'a port is taken by another program',
    help: 'stop the program that listens there, or choose another port',
  },
  PORT_NONE_FREE: {
    message: 'no free port was found between 20000 and 31999 on 127.0.0.1',
    help: 'stop some of the programs that listen on this machine',
  },
  SERVER_FORMAT_FAILED: {
    message: 'the state of a server could not be created',
    help: 'read the lines above; check free disk space and the rights of the state folder',
  },
  SERVER_EXITED: {
    message: 'a server ended while it was starting',
    help: 'read its last log lines above; `quadrille doctor` checks the machine, `quadrille reset` starts from nothing',
  },
  SERVER_NOT_READY: {
    message: 'a server did not become ready in time',
    help: 'read its last log lines above; check free memory and processors, then start again',
  },
  SUPERVISOR_GONE: {
    message: 'the process that watches over the servers ended, so they were stopped',
    help: 'start again; if nobody killed it, read supervisor.log in the state folder',
  },
  DOCKER_IMAGE_MISSING: {
    message: 'Docker could not get an image',
    help: 'check that the image registry can be reached (docker pull), or set QUADRILLE_STACK=local',
  },
  DOCKER_FAILED: {
    message: 'a container could not be started',
    help: 'read the lines above; check docker logs and free disk space, or set QUADRILLE_STACK=local',
  },
} as const satisfies Record<string, StackErrorRow>;

export type StackErrorCode = keyof typeof STACK_ERRORS;

export interface StackErrorDetails {
  /** Where: a path, `host:port`, the name of a variable, a server. */
  place?: string;
  /** Replaces the table's advice where something more exact can be said. */
  help?: string;
  cause?: unknown;
}

export class StackError extends Error {
  override readonly name = 'StackError';
  readonly code: StackErrorCode;
  readonly place: string | undefined;
  readonly help: string;

  constructor(code: StackErrorCode, detail = '', details: StackErrorDetails = {}) {
    super(detail === '' ? STACK_ERRORS[code].message : `${STACK_ERRORS[code].message}: ${detail}`, {
      cause: details.cause,
    });
    this.code = code;
    this.place = details.place;
    this.help = details.help ?? STACK_ERRORS[code].help;
  }

  /** How a person sees it: `CODE place: what was wrong`, then `help:`. */
  format(): string {
    const place = this.place === undefined ? '' : ` ${this.place}`;
    return `${this.code}${place}: ${this.message}\n  help: ${this.help}`;
  }
}

/** Everything that is missing, found in one look. */
export class StackErrors extends Error {
  override readonly name = 'StackErrors';
  readonly errors: readonly StackError[];
  constructor(errors: readonly StackError[]) {
    super(errors.map((error) => error.format()).join('\n'));
    this.errors = errors;
  }
  format(): string {
    return this.message;
  }
}

/** Throws one error as itself, several as StackErrors, none not at all. */
export function throwAll(errors: readonly StackError[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new StackErrors(errors);
}
