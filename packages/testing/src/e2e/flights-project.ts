/** The flow `flights` with topics and a table of its own, and few flights: what the tutorial needs, in a minute. */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Client } from 'pg';
import { givenAddresses, ROOT } from '../harness/index.ts';
import { Project } from './command.ts';

const FLIGHTS = join(ROOT, 'flows/flights');
/** Airports that the list of airports lacks. */
export const MISSING = ['BQN', 'PSE', 'SJU', 'STT'];
/** Of January: so many from its beginning, and all to the least frequent of the four. */
const ROWS = 6_000;

export class FlightsProject extends Project {
  /** Its flow as the command line names it. */
  readonly flow = `flows/${this.name}`;

  static async make(): Promise<FlightsProject> {
    const { name, folder } = await Project.place();
    const project = new FlightsProject(name, folder);
    const own = (text: string): string =>
      text.replaceAll(
        /\b(airlines|airports|planes|weather|flights)\.(reported|qualified|enriched)\b/g,
        `${name}.$1-$2`,
      );
    const flow = join(folder, project.flow);
    await mkdir(join(flow, 'data'), { recursive: true });
    await mkdir(join(folder, 'schemas'));
    const schemas = (await readdir(join(ROOT, 'schemas'))).filter((file) => file.endsWith('.avsc'));
    for (const file of schemas.filter((each) => own(each) !== each))
      await cp(join(ROOT, 'schemas', file), join(folder, 'schemas', own(file)));
    // The rules' own imports are resolved from where they really are.
    await symlink(join(FLIGHTS, 'rules'), join(flow, 'rules'));
    for (const file of ['airlines.csv', 'airports.csv', 'planes.csv', 'weather.csv.gz'])
      await symlink(join(FLIGHTS, 'data', file), join(flow, 'data', file));
    await writeFile(join(flow, 'data/flights-2013-01.csv.gz'), await someFlights());
    const text = own(await readFile(join(FLIGHTS, 'flow.yaml'), 'utf8'));
    await writeFile(
      join(flow, 'flow.yaml'),
      text.replace('flow: flights', `flow: ${name}`).replace('table: flights', `table: ${name}`),
    );
    return project;
  }

  /** The target's rows with all their bookkeeping, by id; with xmin, which tells whether a row was touched. */
  async rows(): Promise<Map<string, Record<string, unknown>>> {
    const { rows } = await this.#sql(`SELECT xmin::text, * FROM ${this.name} ORDER BY _id`);
    return new Map(rows.map((row) => [row._id as string, row]));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#sql(`DROP TABLE IF EXISTS ${this.name}`);
  }

  async #sql(text: string): Promise<{ rows: Record<string, unknown>[] }> {
    const client = new Client({ connectionString: givenAddresses().databaseUrl });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }
}

async function someFlights(): Promise<Buffer> {
  const january = gunzipSync(await readFile(join(FLIGHTS, 'data/flights-2013-01.csv.gz'))).toString('utf8');
  const lines = january.trim().split('\n');
  const rare = lines.slice(ROWS).filter((line) => line.includes('PSE'));
  return gzipSync(`${[...lines.slice(0, ROWS), ...rare].join('\n')}\n`);
}
