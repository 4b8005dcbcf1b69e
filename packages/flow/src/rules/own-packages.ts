/**
 * Rules import from `@quadrille/flow` and `@quadrille/record`. A folder that has not installed them gets those of the
 * command or station that loads the rule, so that a flow can stand anywhere and needs no `npm install`.
 */
import { registerHooks } from 'node:module';

const OWN = new Set(['@quadrille/flow', '@quadrille/record']);

let registered = false;

/** Once a process; what a folder has installed itself comes first. */
export function findOwnPackages(): void {
  if (registered) return;
  registered = true;
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!OWN.has(specifier)) throw error;
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}
