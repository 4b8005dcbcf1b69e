/** `quadrille k8s render`: the manifests of a flow. */
import { relative, resolve } from 'node:path';
import { readFlow } from '@quadrille/flow';
import { Fault } from '@quadrille/record';
import { VERSION } from '@quadrille/station';
import { type Command, text, wholeNumber } from '../command.ts';
import { EXIT } from '../exit.ts';
import { flowPath } from '../flow-path.ts';
import { DEFAULTS } from '../k8s/options.ts';
import { renderTree } from '../k8s/tree.ts';
import { differences, writeTree } from '../k8s/write-tree.ts';

export const k8sRender: Command = {
  path: 'k8s render',
  summary: 'write the Kubernetes manifests of a flow, for Kustomize',
  description:
    'A base, components and overlays (local, staging, production). Base and components are rendered anew each time; overlays\nare written once, as a start, and then kept. See docs/how-to/deploy-on-kubernetes.md.',
  arguments: [['FLOW', 'folder of the flow file, or its name in flows/']],
  options: [
    ['--out <folder>', 'where the tree stands; default k8s'],
    ['--check', 'write nothing; end with 1 when a file is not up to date'],
    ['--registry <prefix>', `before the names of the images; default ${DEFAULTS.registry}`],
    ['--tag <version>', 'of the images; default the version of this command'],
    [
      '--max-connections <n>',
      `connections that all instances of a station may open in its database; default ${DEFAULTS.maxConnections}`,
    ],
    ['--flow-in-image', 'the images hold flow, schemas and data: no ConfigMaps and no volume'],
  ],
  examples: ['k8s render flows/flights', 'k8s render flows/flights --check', 'k8s render orders --out k8s/orders'],
  run: async (context, [given], options) => {
    const flow = await readFlow(flowPath(context, given));
    const folder = resolve(context.cwd, text(options, 'out') ?? 'k8s');
    const tree = await renderTree(flow, {
      registry: named(text(options, 'registry') ?? DEFAULTS.registry, REGISTRY, '--registry', 'ghcr.io/owner'),
      version: named(text(options, 'tag') ?? VERSION, TAG, '--tag', 'a version, e.g. 1.4.2'),
      maxConnections: wholeNumber(options, 'maxConnections', 1) ?? DEFAULTS.maxConnections,
      flowInImage: options.flowInImage === true,
    });
    const found = differences(folder, tree);
    for (const { path, what } of found) context.out(`${what} ${relative(context.cwd, resolve(folder, path))}\n`);
    if (options.check === true) {
      if (found.length > 0) context.err('run `quadrille k8s render` with the same options');
      return found.length > 0 ? EXIT.findings : EXIT.done;
    }
    writeTree(folder, tree, found);
    context.err(
      found.length === 0 ? 'everything is up to date' : `${found.length} files in ${relative(context.cwd, folder)}`,
    );
    return EXIT.done;
  },
};

/** @see https://github.com/distribution/reference */
const REGISTRY = /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/;
const TAG = /^(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

function named(value: string, pattern: RegExp, option: string, help: string): string {
  if (pattern.test(value)) return value;
  throw new Fault('USAGE', `${option} ${value}`, { help });
}
