/** What schemas are compared with: the versions in the registry, or the files of another folder. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { findStack } from '@quadrille/devstack';
import { parseTopicSchema } from '@quadrille/flow';
import { Fault, Faults } from '@quadrille/record';
import { Registry, readRegistryAccess } from '@quadrille/station';
import { type Context, type Options, text } from '../command.ts';
import { stateFolder } from '../state.ts';
import type { EarlierSchema } from '../up/schemas.ts';

export const AGAINST = [
  '--against <folder>',
  'compare with the .avsc files of a folder, e.g. of what is deployed, instead of a registry',
] as const;

/** The versions of a topic's schema so far, oldest first; [] where it is new. @throws Fault REGISTRY_UNAVAILABLE, SCHEMA_INVALID */
export type Earlier = (topic: string) => Promise<readonly EarlierSchema[]>;

/** @throws Fault USAGE where there is nothing to compare with */
export async function earlierOf(context: Context, options: Options): Promise<Earlier> {
  const folder = text(options, 'against');
  if (folder !== undefined) return filesOf(resolve(context.cwd, folder), context.cwd);
  const registry = await registryOf(context, ', or compare with a folder of .avsc files: --against DIR');
  return (topic) => registry.versions(`${topic}-value`);
}

function filesOf(folder: string, cwd: string): Earlier {
  const shown = relative(cwd, folder);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new Fault('USAGE', `--against ${shown}: there is no such folder`, { help: 'name a folder of .avsc files' });
  if (!readdirSync(folder).some((name) => name.endsWith('.avsc')))
    throw new Fault('USAGE', `--against ${shown}: no .avsc file stands in it`, {
      help: 'name the folder `schemas` itself',
    });
  return async (topic) => {
    const file = join(folder, `${topic}.avsc`);
    if (!existsSync(file)) return [];
    const { text: schema } = parseTopicSchema(readFileSync(file, 'utf8'), topic, file);
    return [{ version: relative(cwd, file), schema }];
  };
}

/**
 * The registry of SCHEMA_REGISTRY_URL, else of the stack that runs in this folder. Nothing else needs to be there.
 * @param otherwise what can be done besides, at the end of the help. @throws Fault USAGE, Faults CONFIG_INVALID
 */
export async function registryOf(context: Context, otherwise = ''): Promise<Registry> {
  const isGiven = (context.env.SCHEMA_REGISTRY_URL ?? '').trim() !== '' && !context.env.QUADRILLE_STACK?.trim();
  const url = isGiven ? context.env.SCHEMA_REGISTRY_URL : (await findStack(stateFolder(context.cwd)))?.registryUrl;
  if (url === undefined)
    throw new Fault('USAGE', 'there is no schema registry: SCHEMA_REGISTRY_URL is not set, and no stack runs here', {
      help: `set SCHEMA_REGISTRY_URL${otherwise}`,
    });
  const faults: Fault[] = [];
  const { url: address, access } = readRegistryAccess(
    { ...(isGiven ? context.env : {}), SCHEMA_REGISTRY_URL: url },
    (place, what, help) => {
      faults.push(new Fault('CONFIG_INVALID', what, { place, help }));
      return undefined;
    },
  );
  if (faults.length > 0) throw new Faults(faults);
  return new Registry(address, access);
}
