/** A copy of the flow `flights` under another name, with topics and a table of its own behind the same input topic. */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @returns the folder of the copy's flow file. */
export async function copyFlow(root: string, folder: string, name: string, round: number | undefined): Promise<string> {
  const schemas = join(folder, 'schemas');
  const flow = join(folder, 'flows', name);
  await mkdir(schemas, { recursive: true });
  await mkdir(flow, { recursive: true });
  const own = (topic: string): string => topic.replace(/^flights\.(qualified|enriched)/, `${name}.$1`);
  for (const file of await readdir(join(root, 'schemas')))
    await cp(join(root, 'schemas', file), join(schemas, own(file)));
  // Rules name the generated types beside the schemas by their own names, as types only.
  await cp(join(root, 'flows/flights/rules'), join(flow, 'rules'), { recursive: true });
  await symlink(join(root, 'flows/flights/data'), join(flow, 'data'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const text = await readFile(join(root, 'flows/flights/flow.yaml'), 'utf8');
  const size = round === undefined ? '' : `\n    round: { records: ${round} }`;
  await writeFile(
    join(flow, 'flow.yaml'),
    text
      .replace('flow: flights', `flow: ${name}`)
      .replaceAll(/flights\.(qualified|enriched)/g, `${name}.$1`)
      .replace('table: flights', `table: ${name}`)
      .replaceAll(/^( {4}from: .*)$/gm, `$1${size}`),
  );
  return flow;
}
