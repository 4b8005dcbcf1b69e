/** The Docker command, and whether this machine can run the project's containers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ROOT } from '../harness/index.ts';

const execute = promisify(execFile);

export interface Answer {
  code: number;
  out: string;
  err: string;
}

/** Runs `docker …` in the project's folder to its end, whatever its exit code. */
export async function docker(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Answer> {
  try {
    const { stdout, stderr } = await execute('docker', words, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number | string; stdout?: string; stderr?: string };
    if (typeof code !== 'number') throw error;
    return { code, out: stdout, err: stderr };
  }
}

/**
 * For `{ skip }` of a test: why containers of these images cannot run here, or false. A test does not pull half a
 * gigabyte: images must be there.
 */
export async function noContainers(images: readonly string[]): Promise<string | false> {
  const answers = async (...words: string[]): Promise<boolean> =>
    docker(words).then(
      ({ code }) => code === 0,
      () => false,
    );
  if (!(await answers('version'))) return 'no Docker engine answers';
  if (!(await answers('compose', 'version')) || !(await answers('buildx', 'version')))
    return 'docker has no compose or no buildx';
  for (const image of images)
    if (!(await answers('image', 'inspect', image))) return `this engine has no ${image}: docker pull ${image}`;
  return false;
}
