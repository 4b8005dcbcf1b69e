/** Dead letters: looked for, shown, corrected, set aside, forgotten. */
export { applyPending, letterApplies } from './apply.ts';
export { correct } from './correct.ts';
export { counts, deadLetter, deadLetters, deadLettersWithValues, groups, selectIds } from './query.ts';
export { retention } from './retention.ts';
export { setAside } from './set-aside.ts';
