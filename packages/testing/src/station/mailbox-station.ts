/** An extractor that knows the source `mailbox`. With DIE=before-ledger it ends like kill -9 when outputs are sent and not written down. */
import './mailbox-source.ts';
import { runStation, settle } from '@quadrille/station';

await runStation('extractor', {
  settle: (round, options) => {
    if (process.env.DIE !== 'before-ledger' || round.records === 0) return settle(round, options);
    return settle(round, {
      ...options,
      writeLedger: () => {
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => {});
      },
    });
  },
});
