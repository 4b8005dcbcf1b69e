/** The desk that looks at cases: `POST /cases` with a list. What it has by id and version is answered as known. Its file can be read afterwards. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';

export interface Case {
  id: string;
  version: string;
  revision: number;
  deleted: boolean;
  value: Record<string, unknown> | null;
}

export const casesFile = (folder: string): string => join(folder, 'cases.ndjson');

export function desk(folder: string): RequestListener {
  const file = casesFile(folder);
  const known = new Set(existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').filter(Boolean) : []);
  return async (request, response) => {
    const body: Buffer[] = [];
    for await (const bytes of request) body.push(bytes);
    // The loader asks first whether anybody is there.
    const cases = request.method === 'POST' ? (JSON.parse(Buffer.concat(body).toString('utf8')) as Case[]) : [];
    for (const each of cases) {
      const line = JSON.stringify(each);
      if (known.has(line)) continue;
      known.add(line);
      appendFileSync(file, `${line}\n`);
    }
    response.writeHead(204).end();
  };
}
