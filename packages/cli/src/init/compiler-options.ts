/** How TypeScript reads rules: the packages are found where the command is installed, so that a flow needs no installation of its own. */
export const compilerOptions = (installed: string): object => ({
  target: 'esnext',
  lib: ['esnext'],
  module: 'nodenext',
  noEmit: true,
  strict: true,
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  types: ['node'],
  typeRoots: [`${installed}/node_modules/@types`],
  paths: {
    '@quadrille/flow': [`${installed}/packages/flow/src/index.ts`],
    '@quadrille/record': [`${installed}/packages/record/src/index.ts`],
  },
});
