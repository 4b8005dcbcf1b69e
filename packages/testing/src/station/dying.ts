/**
 * A settle that ends the process like kill -9 at the worst places: `DIE=before-ledger:3` when the records of the third round
 * are sent and not written down, `DIE=before-commit:3` when they are written down and not committed. Without DIE as ever.
 */
import { settle } from '@quadrille/station';

let rounds = 0;

export const dyingSettle: typeof settle = (round, options) => {
  const [place, after = '1'] = (process.env.DIE ?? '').split(':');
  if (place === '' || round.records === 0 || ++rounds < Number(after)) return settle(round, options);
  const die = (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
  if (place === 'before-ledger') return settle(round, { ...options, writeLedger: die });
  const { intake } = options;
  const uncommitted = Object.create(intake, {
    commit: { value: die },
    epoch: { get: () => intake.epoch },
    previous: { value: (partition: number) => intake.previous(partition) },
  }) as typeof intake;
  return settle(round, { ...options, intake: uncommitted });
};
