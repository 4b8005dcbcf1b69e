/** Exit codes of the command, the same for every command. */
export const EXIT = {
  done: 0,
  /** An error, or findings: what was asked for is not so. */
  findings: 1,
  cancelled: 2,
  partly: 3,
  notAllowed: 4,
  usage: 64,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
